//! What part of everything is looked at, and in what order. It is kept in the address, so that bookmarks, reloads and
//! actions keep it. The page's script does the same with what the events bring.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::query::{Query, encoded};
use super::row::Row;
use super::snapshot::Snapshot;

/// Letters of a filter that are looked at; what is longer is cut.
const FILTER_MAX: usize = 200;

/// By what rows are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sort {
    Name,
    /// Those that need attention first.
    State,
    /// Those that started last first.
    Uptime,
    Pid,
    /// Those that ended last first.
    Exit,
}

impl Sort {
    pub(super) const ALL: [Sort; 5] = [Sort::Name, Sort::State, Sort::Uptime, Sort::Pid, Sort::Exit];

    /// The word in the address.
    pub(super) fn word(self) -> &'static str {
        match self {
            Sort::Name => "name",
            Sort::State => "state",
            Sort::Uptime => "uptime",
            Sort::Pid => "pid",
            Sort::Exit => "exit",
        }
    }

    fn compare(self, a: &Row, b: &Row) -> Ordering {
        match self {
            Sort::Name => Ordering::Equal,
            Sort::State => a.rank.cmp(&b.rank),
            Sort::Uptime => none_last(a.start, b.start).then(b.start.cmp(&a.start)),
            Sort::Pid => none_last(a.pid.into(), b.pid.into()).then(a.pid.cmp(&b.pid)),
            Sort::Exit => none_last(a.stop, b.stop).then(b.stop.cmp(&a.stop)),
        }
    }
}

fn none_last(a: i64, b: i64) -> Ordering {
    (a == 0).cmp(&(b == 0))
}

/// What rows are gathered under.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum By {
    Nothing,
    Group,
    Collection,
}

impl By {
    pub(super) const ALL: [By; 3] = [By::Nothing, By::Group, By::Collection];

    /// The word in the address; none is the usual.
    pub(super) fn word(self) -> &'static str {
        match self {
            By::Nothing => "",
            By::Group => "group",
            By::Collection => "collection",
        }
    }
}

/// See the module's text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct View {
    pub(super) collection: Option<String>,
    /// As it was typed.
    pub(super) filter: String,
    pub(super) sort: Sort,
    pub(super) descending: bool,
    pub(super) by: By,
}

/// Rows under one head.
#[derive(Debug)]
pub(super) struct Section<'a> {
    /// The group's or collection's name; `None` for rows that belong to none.
    pub(super) title: Option<&'a str>,
    pub(super) rows: Vec<&'a Row>,
}

impl View {
    /// Reads the address; what it does not understand is the usual.
    pub(super) fn of(query: &Query) -> View {
        let filter = query.get("q").unwrap_or_default().trim().chars().take(FILTER_MAX).collect();
        let sort = query.get("sort").and_then(|word| Sort::ALL.into_iter().find(|sort| sort.word() == word));
        let by = query.get("by").and_then(|word| By::ALL.into_iter().find(|by| by.word() == word));
        View {
            collection: query.get("collection").map(str::to_string),
            filter,
            sort: sort.unwrap_or(Sort::Name),
            descending: query.get("desc").is_some(),
            by: by.unwrap_or(By::Nothing),
        }
    }

    /// The address again, from the question mark on; `?` alone for the usual view.
    pub(super) fn query(&self) -> String {
        let mut parts = Vec::new();
        if let Some(collection) = &self.collection {
            parts.push(format!("collection={}", encoded(collection)));
        }
        if !self.filter.is_empty() {
            parts.push(format!("q={}", encoded(&self.filter)));
        }
        if self.sort != Sort::Name {
            parts.push(format!("sort={}", self.sort.word()));
        }
        if self.descending {
            parts.push("desc=1".to_string());
        }
        if self.by != By::Nothing {
            parts.push(format!("by={}", self.by.word()));
        }
        format!("?{}", parts.join("&"))
    }

    /// The same view of another collection, or of everything.
    pub(super) fn of_collection(&self, collection: Option<&str>) -> View {
        View { collection: collection.map(str::to_string), ..self.clone() }
    }

    /// The same view sorted by a column; by the one it is sorted by already, the other way round.
    pub(super) fn sorted(&self, sort: Sort) -> View {
        View { sort, descending: self.sort == sort && !self.descending, ..self.clone() }
    }

    /// The same view of what holds a word.
    pub(super) fn filtered(&self, word: &str) -> View {
        View { filter: word.to_string(), ..self.clone() }
    }

    /// Whether less than everything is looked at.
    pub(super) fn is_part(&self) -> bool {
        self.collection.is_some() || !self.filter.is_empty()
    }

    /// The rows that are looked at, in order; `None` when there is no such collection.
    pub(super) fn rows<'a>(&self, all: &'a Snapshot) -> Option<Vec<&'a Row>> {
        let words: Vec<String> = self.filter.to_lowercase().split_whitespace().map(str::to_string).collect();
        let mut rows: Vec<&Row> = match &self.collection {
            None => all.rows.iter().collect(),
            Some(name) => {
                let by_id = by_id(all);
                let members = all.collection(name)?.members.iter();
                members.filter_map(|id| by_id.get(id.as_str()).copied()).collect()
            }
        };
        rows.retain(|row| row.matches(&words));
        rows.sort_by(|a, b| {
            let order = self.sort.compare(a, b).then_with(|| a.id.cmp(&b.id));
            if self.descending { order.reverse() } else { order }
        });
        Some(rows)
    }

    /// The same rows under their heads; one in several collections comes several times.
    pub(super) fn sections<'a>(&self, all: &'a Snapshot, rows: Vec<&'a Row>) -> Vec<Section<'a>> {
        match self.by {
            By::Nothing => vec![Section { title: None, rows }],
            By::Group => {
                let mut sections: Vec<Section<'a>> = Vec::new();
                let mut known: HashMap<&str, usize> = HashMap::new();
                // A head for each program that is a group of its own would say nothing.
                let (alone, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.id == row.group);
                for row in rows {
                    let at = *known.entry(&row.group).or_insert_with(|| {
                        sections.push(Section { title: Some(&row.group), rows: Vec::new() });
                        sections.len() - 1
                    });
                    sections[at].rows.push(row);
                }
                sections.sort_by(|a, b| a.title.cmp(&b.title));
                if !alone.is_empty() {
                    sections.push(Section { title: None, rows: alone });
                }
                sections
            }
            By::Collection => {
                let mut rest = rows.clone();
                let mut sections = Vec::new();
                for collection in &all.collections {
                    let members: std::collections::HashSet<&str> =
                        collection.members.iter().map(String::as_str).collect();
                    let held: Vec<&Row> =
                        rows.iter().copied().filter(|row| members.contains(row.id.as_str())).collect();
                    rest.retain(|row| !members.contains(row.id.as_str()));
                    if !held.is_empty() {
                        sections.push(Section { title: Some(&collection.name), rows: held });
                    }
                }
                if !rest.is_empty() {
                    sections.push(Section { title: None, rows: rest });
                }
                sections
            }
        }
    }
}

/// The rows by their namespecs.
pub(super) fn by_id(all: &Snapshot) -> HashMap<&str, &Row> {
    all.rows.iter().map(|row| (row.id.as_str(), row)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::Collection;
    use super::*;

    fn row(id: &str, state: &'static str, rank: u8, start: i64) -> Row {
        let group = id.split(':').next().unwrap().to_string();
        let pid = i32::try_from(start).unwrap();
        Row {
            id: id.to_string(),
            group,
            state,
            rank,
            pid,
            start,
            stop: 0,
            exit: String::new(),
            what: String::new(),
            out: true,
            err: true,
            can_start: false,
            can_stop: false,
        }
    }

    fn snapshot() -> Snapshot {
        let collection = |name: &str, members: &[&str]| Collection {
            name: name.to_string(),
            members: members.iter().map(|id| id.to_string()).collect(),
        };
        Snapshot {
            name: "n".to_string(),
            now: 0,
            rows: vec![
                row("a:1", "RUNNING", 7, 50),
                row("a:2", "FATAL", 0, 0),
                row("b", "RUNNING", 7, 40),
                row("c", "STOPPED", 4, 0),
            ],
            collections: vec![collection("both", &["b", "a:1"]), collection("one", &["b"])],
        }
    }

    fn view(query: &str) -> View {
        View::of(&Query::parse(query))
    }

    fn ids(query: &str) -> Option<String> {
        let all = snapshot();
        Some(view(query).rows(&all)?.iter().map(|row| row.id.as_str()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn an_address_is_a_view_and_a_view_is_an_address() {
        for query in ["?", "?collection=a%20b&q=x%26y&sort=state&desc=1&by=group", "?by=collection"] {
            assert_eq!(view(&query[1..]).query(), query);
        }
        assert_eq!(view("sort=nonsense&by=nonsense&other=1").query(), "?");
        let state = view("collection=web").sorted(Sort::State);
        assert_eq!(state.query(), "?collection=web&sort=state");
        assert_eq!(state.sorted(Sort::State).query(), "?collection=web&sort=state&desc=1");
        assert_eq!(state.of_collection(None).filtered("x").query(), "?q=x&sort=state");
        assert!(view(&format!("q={}", "ä".repeat(300))).filter.chars().count() == FILTER_MAX);
    }

    #[test]
    fn rows_are_chosen_and_sorted() {
        assert_eq!(ids("").unwrap(), "a:1 a:2 b c");
        assert_eq!(ids("desc=1").unwrap(), "c b a:2 a:1");
        assert_eq!(ids("sort=state").unwrap(), "a:2 c a:1 b");
        assert_eq!(ids("sort=uptime").unwrap(), "a:1 b a:2 c", "without one, last");
        assert_eq!(ids("sort=pid").unwrap(), "b a:1 a:2 c");
        assert_eq!(ids("q=running").unwrap(), "a:1 b");
        assert_eq!(ids("collection=both").unwrap(), "a:1 b");
        assert_eq!(ids("collection=both&q=B").unwrap(), "b");
        assert_eq!(ids("collection=none"), None);
    }

    #[test]
    fn rows_are_gathered_by_group_or_by_each_of_their_collections() {
        let all = snapshot();
        let shown = |query: &str| {
            let view = view(query);
            let sections = view.sections(&all, view.rows(&all).unwrap());
            let text = sections.iter().map(|section| {
                let ids: Vec<_> = section.rows.iter().map(|row| row.id.as_str()).collect();
                format!("{}({})", section.title.unwrap_or("-"), ids.join(" "))
            });
            text.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown(""), "-(a:1 a:2 b c)");
        assert_eq!(shown("by=group&desc=1"), "a(a:2 a:1) -(c b)");
        assert_eq!(shown("by=collection"), "both(a:1 b) one(b) -(a:2 c)");
        assert_eq!(shown("by=collection&q=fatal"), "-(a:2)");
    }
}
