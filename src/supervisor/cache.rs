//! What the methods of `supervisor_cache` keep: values under keys, for as long as this run lasts.

use std::collections::BTreeMap;

use crate::api::arguments::Argument;
use crate::api::plugin::CacheCall;
use crate::api::{Fault, FaultCode, Reply};

/// The version that `getAPIVersion` tells.
const API_VERSION: &str = "0.2";

/// Bytes of keys and values together; past it a `store` is refused and nothing is forgotten.
pub const CACHE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The cache.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    values: BTreeMap<String, Argument>,
    bytes: usize,
}

impl Cache {
    /// Carries one call out.
    pub fn call(&mut self, call: CacheCall) -> Result<Reply, Fault> {
        match call {
            CacheCall::ApiVersion => Ok(Reply::Text(API_VERSION.to_string())),
            CacheCall::Keys => Ok(Reply::Texts(self.values.keys().cloned().collect())),
            CacheCall::Count => Ok(Reply::Number(i64::try_from(self.values.len()).unwrap_or(i64::MAX))),
            CacheCall::Store { key, data } => self.store(valid(key)?, data),
            CacheCall::Fetch { key } => {
                let value = self.values.get(&valid(key)?);
                value.cloned().map(Reply::Value).ok_or_else(|| FaultCode::BadName.into())
            }
            CacheCall::Delete { key } => {
                self.forget(&valid(key)?);
                Ok(Reply::True)
            }
            CacheCall::Clear => {
                *self = Cache::default();
                Ok(Reply::True)
            }
        }
    }

    fn store(&mut self, key: String, data: Argument) -> Result<Reply, Fault> {
        let freed = self.values.get(&key).map_or(0, |old| key.len() + size(old));
        let bytes = self.bytes - freed + key.len() + size(&data);
        if bytes > CACHE_BYTES_MAX {
            return Err(Fault::new(
                FaultCode::Failed,
                format!("the cache holds {CACHE_BYTES_MAX} bytes at most"),
            ));
        }
        self.bytes = bytes;
        self.values.insert(key, data);
        Ok(Reply::True)
    }

    fn forget(&mut self, key: &str) {
        if let Some(old) = self.values.remove(key) {
            self.bytes -= key.len() + size(&old);
        }
    }
}

fn valid(key: Argument) -> Result<String, Fault> {
    if let Argument::Text(key) = key
        && !key.is_empty()
    {
        return Ok(key);
    }
    Err(Fault::new(FaultCode::BadName, "Cache key must be a non-empty string"))
}

/// Roughly what a value takes.
fn size(value: &Argument) -> usize {
    std::mem::size_of::<Argument>()
        + match value {
            Argument::Text(text) => text.len(),
            Argument::Number(_) | Argument::Double(_) | Argument::Flag(_) | Argument::Nil => 0,
            Argument::List(items) => items.iter().map(size).sum(),
            Argument::Record(members) => members.iter().map(|(name, value)| name.len() + size(value)).sum(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Argument {
        Argument::Text(text.to_string())
    }

    fn store(cache: &mut Cache, key: &str, bytes: usize) -> Result<Reply, Fault> {
        cache.call(CacheCall::Store { key: text(key), data: text(&"x".repeat(bytes)) })
    }

    #[test]
    fn what_is_replaced_deleted_or_cleared_makes_room() {
        let mut cache = Cache::default();
        let most = CACHE_BYTES_MAX - 2 * (size(&Argument::Nil) + 1);
        assert_eq!(store(&mut cache, "a", most - 1), Ok(Reply::True));
        assert_eq!(store(&mut cache, "b", 1), Ok(Reply::True));
        assert!(store(&mut cache, "b", 2).is_err() && store(&mut cache, "c", 0).is_err());
        assert_eq!(cache.call(CacheCall::Fetch { key: text("b") }), Ok(Reply::Value(text("x"))));
        assert_eq!(store(&mut cache, "a", 1), Ok(Reply::True));
        assert_eq!(store(&mut cache, "c", most - 1000), Ok(Reply::True));
        cache.call(CacheCall::Delete { key: text("c") }).unwrap();
        cache.call(CacheCall::Delete { key: text("c") }).unwrap();
        assert_eq!(store(&mut cache, "d", most - 1000), Ok(Reply::True));
        assert_eq!(cache.call(CacheCall::Count), Ok(Reply::Number(3)));
        cache.call(CacheCall::Clear).unwrap();
        assert_eq!((cache.bytes, cache.call(CacheCall::Count)), (0, Ok(Reply::Number(0))));
    }

    #[test]
    fn a_key_is_a_text_with_something_in_it() {
        let mut cache = Cache::default();
        for key in [text(""), Argument::Number(1), Argument::Nil] {
            let refused = cache.call(CacheCall::Fetch { key }).unwrap_err();
            assert_eq!(refused.to_string(), "BAD_NAME: Cache key must be a non-empty string");
        }
        assert_eq!(cache.call(CacheCall::Fetch { key: text("k") }).unwrap_err().to_string(), "BAD_NAME");
    }
}
