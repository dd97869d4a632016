//! HTTP answers, piece by piece as they come.

/// The head of an answer; a longer one is refused.
const HEAD_MAX: usize = 64 * 1024;

/// One line of a chunk's size; a longer one is refused.
const CHUNK_LINE_MAX: usize = 4 * 1024;

/// What comes before the body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    pub status: u16,
    pub reason: String,
    /// Whether the connection ends with this answer.
    pub close: bool,
}

/// An answer that is on its way.
#[derive(Debug)]
pub struct Response {
    /// What came and is not yet understood.
    rest: Vec<u8>,
    head: Option<Head>,
    part: Part,
}

/// Where in the answer the next byte is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Head,
    /// So many bytes are still to come.
    Sized(u64),
    UntilClose,
    ChunkSize,
    Chunk(u64),
    /// The line end after a chunk.
    ChunkEnd,
    Trailer,
    Done,
}

/// What came is no HTTP answer, for this reason.
pub type Malformed = &'static str;

impl Default for Response {
    fn default() -> Response {
        Response { rest: Vec::new(), head: None, part: Part::Head }
    }
}

impl Response {
    /// Takes what came and adds to `body` what is of it.
    pub fn feed(&mut self, bytes: &[u8], body: &mut Vec<u8>) -> Result<(), Malformed> {
        self.rest.extend_from_slice(bytes);
        while self.step(body)? {}
        Ok(())
    }

    /// The server closed the connection: whether the answer is whole.
    pub fn close(&mut self) -> bool {
        if self.part == Part::UntilClose {
            self.part = Part::Done;
        }
        self.is_done()
    }

    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Whether all of it came.
    pub fn is_done(&self) -> bool {
        self.part == Part::Done
    }

    /// Whether nothing of it came.
    pub fn is_untouched(&self) -> bool {
        self.part == Part::Head && self.rest.is_empty()
    }

    /// One step; false when more bytes are needed or none.
    fn step(&mut self, body: &mut Vec<u8>) -> Result<bool, Malformed> {
        match self.part {
            Part::Head => self.take_head(),
            Part::Sized(0) => self.next(Part::Done),
            Part::Chunk(0) => self.next(Part::ChunkEnd),
            Part::Sized(left) => Ok(self.take(left, body, Part::Sized)),
            Part::Chunk(left) => Ok(self.take(left, body, Part::Chunk)),
            Part::UntilClose => {
                body.append(&mut self.rest);
                Ok(false)
            }
            Part::ChunkSize => {
                let Some(line) = self.line()? else { return Ok(false) };
                let size = line.split(';').next().unwrap_or_default().trim();
                let size = u64::from_str_radix(size, 16).map_err(|_| "the size of a chunk is no number")?;
                self.next(if size == 0 { Part::Trailer } else { Part::Chunk(size) })
            }
            Part::ChunkEnd => match self.line()? {
                Some(_) => self.next(Part::ChunkSize),
                None => Ok(false),
            },
            Part::Trailer => match self.line()? {
                Some(line) if line.is_empty() => self.next(Part::Done),
                Some(_) => Ok(true),
                None => Ok(false),
            },
            Part::Done => Ok(false),
        }
    }

    fn next(&mut self, part: Part) -> Result<bool, Malformed> {
        self.part = part;
        Ok(true)
    }

    fn take(&mut self, left: u64, body: &mut Vec<u8>, part: fn(u64) -> Part) -> bool {
        let some = self.rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        body.extend(self.rest.drain(..some));
        self.part = part(left - some as u64);
        some > 0
    }

    fn line(&mut self) -> Result<Option<String>, Malformed> {
        let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') else {
            return if self.rest.len() > CHUNK_LINE_MAX {
                Err("a line of a chunk is too long")
            } else {
                Ok(None)
            };
        };
        let line: Vec<u8> = self.rest.drain(..=end).collect();
        Ok(Some(String::from_utf8_lossy(&line).trim_end().to_string()))
    }

    fn take_head(&mut self) -> Result<bool, Malformed> {
        let end = self.rest.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
        let end = end.or_else(|| self.rest.windows(2).position(|window| window == b"\n\n").map(|at| at + 2));
        let Some(end) = end else {
            return if self.rest.len() > HEAD_MAX {
                Err("the head of the answer is too long")
            } else {
                Ok(false)
            };
        };
        let bytes: Vec<u8> = self.rest.drain(..end).collect();
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text.lines();
        let (version, status, reason) = status_line(lines.next().unwrap_or_default())?;
        let (mut length, mut chunked, mut close) = (None, false, version == "HTTP/1.0");
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().ok(),
                "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
                "connection" => close = !value.eq_ignore_ascii_case("keep-alive"),
                _ => (),
            }
        }
        self.part = match length {
            _ if chunked => Part::ChunkSize,
            Some(length) => Part::Sized(length),
            None => Part::UntilClose,
        };
        self.head = Some(Head { status, reason, close });
        Ok(true)
    }
}

fn status_line(line: &str) -> Result<(&str, u16, String), Malformed> {
    let mut words = line.splitn(3, ' ');
    let version = words.next().filter(|word| word.starts_with("HTTP/")).ok_or("the answer is no HTTP")?;
    let status = words.next().and_then(|word| word.parse().ok()).ok_or("the answer has no status")?;
    Ok((version, status, words.next().unwrap_or_default().trim().to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The head, the body and whether it is whole, fed in pieces of these sizes.
    fn read(document: &[u8], sizes: &[usize]) -> Result<(Option<Head>, Vec<u8>, bool), Malformed> {
        let (mut response, mut body, mut rest) = (Response::default(), Vec::new(), document);
        for size in sizes.iter().copied().cycle() {
            let (piece, more) = rest.split_at(size.clamp(1, rest.len().max(1)).min(rest.len()));
            response.feed(piece, &mut body)?;
            rest = more;
            if rest.is_empty() {
                break;
            }
        }
        Ok((response.head().cloned(), body, response.close()))
    }

    const SIZED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &[u8] =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nX: y\r\n\r\n";
    const CLOSED: &[u8] = b"HTTP/1.0 404 Not Found\r\nA: b\r\n\r\nhello";

    proptest! {
        #[test]
        fn an_answer_means_the_same_wherever_it_is_cut(sizes in proptest::collection::vec(1_usize..9, 1..9)) {
            for (document, status) in [(SIZED, 200), (CHUNKED, 200), (CLOSED, 404)] {
                let (head, body, whole) = read(document, &sizes).unwrap();
                prop_assert_eq!(head.map(|head| head.status), Some(status));
                prop_assert_eq!(body, b"hello");
                prop_assert!(whole);
            }
        }

        #[test]
        fn no_answer_makes_the_reader_panic(document in any::<Vec<u8>>(), tail in any::<Vec<u8>>()) {
            let _ = read(&document, &[3]);
            let _ = read(&[CHUNKED, &document, &tail].concat(), &[7]);
            let _ = read(&[b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", &document[..]].concat(), &[1]);
        }
    }

    #[test]
    fn half_an_answer_is_not_whole() {
        for document in [SIZED, CHUNKED] {
            let (_, _, whole) = read(&document[..document.len() - 3], &[100]).unwrap();
            assert!(!whole);
        }
        assert!(read(b"HTTP/1.1 abc\r\n\r\n", &[100]).is_err());
        assert!(read(b"SSH-2.0-OpenSSH\r\n\r\n", &[100]).is_err());
    }

    #[test]
    fn endless_heads_and_lines_are_refused() {
        assert!(read(&vec![b'a'; HEAD_MAX + 2], &[HEAD_MAX]).is_err());
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        assert!(read(&[chunked, vec![b'1'; CHUNK_LINE_MAX + 2]].concat(), &[HEAD_MAX]).is_err());
    }
}
