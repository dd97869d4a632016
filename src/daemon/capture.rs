//! Takes communication events out of a child's output: what stands between two tokens (LOG-040, LOG-041). Pure.

use super::output::AnsiStripper;

const BEGIN: &[u8] = b"<!--XSUPERVISOR:BEGIN-->";
const END: &[u8] = b"<!--XSUPERVISOR:END-->";

/// A part of the output.
#[derive(PartialEq, Eq, Debug)]
pub enum Piece<'a> {
    /// For the log.
    Text(&'a [u8]),
    /// An event, whole.
    Event(Vec<u8>),
}

/// Where a stream of output is. However it is cut into reads, the same comes out of it: only what may be a token's
/// beginning is held back (BUG-011).
#[derive(Debug)]
pub struct Capture {
    /// Bytes kept of one event: its last ones.
    max: usize,
    strip: bool,
    /// How much of the token looked for has come. Neither token has its first byte anywhere else, so after a
    /// mismatch the search begins anew.
    matched: usize,
    /// The event that has begun.
    event: Option<Event>,
}

#[derive(Debug)]
struct Event {
    bytes: Vec<u8>,
    stripper: Option<AnsiStripper>,
}

impl Capture {
    /// `max` bytes of each event are kept, without terminal colours if `strip`.
    pub fn new(max: usize, strip: bool) -> Capture {
        Capture { max, strip, matched: 0, event: None }
    }

    /// Gives the parts of the next bytes.
    pub fn cut(&mut self, mut bytes: &[u8], mut give: impl FnMut(Piece<'_>)) {
        while !bytes.is_empty() {
            let token = if self.event.is_some() { END } else { BEGIN };
            if self.matched == 0 {
                let end = bytes.iter().position(|byte| *byte == token[0]).unwrap_or(bytes.len());
                let (plain, rest) = bytes.split_at(end);
                self.pass(plain, &mut give);
                bytes = rest;
            }
            let wanted = token.get(self.matched..).unwrap_or_default();
            let same = wanted.iter().zip(bytes).take_while(|(wanted, byte)| wanted == byte).count();
            bytes = bytes.get(same..).unwrap_or_default();
            self.matched += same;
            if self.matched == token.len() {
                self.matched = 0;
                self.toggle(&mut give);
            } else if !bytes.is_empty() {
                let mistaken = std::mem::take(&mut self.matched);
                self.pass(token.get(..mistaken).unwrap_or_default(), &mut give);
            }
        }
    }

    /// Gives what was held back, when the output ends. An event that was not finished is none (LOG-045).
    pub fn finish(&mut self, mut give: impl FnMut(Piece<'_>)) {
        let matched = std::mem::take(&mut self.matched);
        if self.event.take().is_none() {
            self.pass(BEGIN.get(..matched).unwrap_or_default(), &mut give);
        }
    }

    /// No token: text, or a part of the event.
    fn pass(&mut self, bytes: &[u8], give: &mut impl FnMut(Piece<'_>)) {
        match &mut self.event {
            Some(event) => event.add(bytes, self.max),
            None if bytes.is_empty() => (),
            None => give(Piece::Text(bytes)),
        }
    }

    fn toggle(&mut self, give: &mut impl FnMut(Piece<'_>)) {
        match self.event.take() {
            Some(mut event) => {
                let held_back = event.stripper.as_mut().map_or(&[][..], AnsiStripper::finish);
                event.keep(held_back, self.max);
                give(Piece::Event(event.bytes));
            }
            None => {
                let stripper = self.strip.then(AnsiStripper::default);
                self.event = Some(Event { bytes: Vec::new(), stripper });
            }
        }
    }
}

impl Event {
    fn add(&mut self, bytes: &[u8], max: usize) {
        match &mut self.stripper {
            Some(stripper) => {
                let stripped = stripper.strip(bytes);
                self.keep(&stripped, max);
            }
            None => self.keep(bytes, max),
        }
    }

    /// Appends, and forgets the first bytes past the bound (BUG-011).
    fn keep(&mut self, bytes: &[u8], max: usize) {
        let bytes = bytes.get(bytes.len().saturating_sub(max)..).unwrap_or_default();
        let over = (self.bytes.len() + bytes.len()).saturating_sub(max);
        self.bytes.drain(..over.min(self.bytes.len()));
        self.bytes.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The text, and the events after it.
    fn cut(max: usize, strip: bool, pieces: &[&[u8]]) -> (Vec<u8>, Vec<Vec<u8>>) {
        let (mut text, mut events) = (Vec::new(), Vec::new());
        let mut give = |piece: Piece<'_>| match piece {
            Piece::Text(bytes) => text.extend_from_slice(bytes),
            Piece::Event(bytes) => events.push(bytes),
        };
        let mut capture = Capture::new(max, strip);
        pieces.iter().for_each(|piece| capture.cut(piece, &mut give));
        capture.finish(&mut give);
        (text, events)
    }

    fn whole(max: usize, text: &str) -> (String, Vec<String>) {
        let (text, events) = cut(max, false, &[text.as_bytes()]);
        let string = |bytes| String::from_utf8(bytes).unwrap();
        (string(text), events.into_iter().map(string).collect())
    }

    #[test]
    fn what_stands_between_the_tokens_is_an_event_log_041() {
        let (b, e) = ("<!--XSUPERVISOR:BEGIN-->", "<!--XSUPERVISOR:END-->");
        for (output, text, events) in [
            (format!("a{b}one{e}b{b}{e}c{b}two{e}"), "abc", &["one", "", "two"][..]),
            ("hi\n".to_string(), "hi\n", &[]),
            // LOG-045
            (format!("a{b}never"), "a", &[]),
            (format!("a{e}b{b}x{b}y{e}"), &format!("a{e}b"), &[&format!("x{b}y")]),
            (format!("<<!--X{b}<!<{e}"), "<<!--X", &["<!<"]),
            ("end <!--XSUPERV".to_string(), "end <!--XSUPERV", &[]),
            (format!("{b}<!--XSUPERVISOR:BEG{e}"), "", &["<!--XSUPERVISOR:BEG"]),
        ] {
            let events = events.iter().map(|event| event.to_string()).collect();
            assert_eq!(whole(100, &output), (text.to_string(), events), "{output}");
        }
    }

    #[test]
    fn an_event_keeps_no_more_than_its_bound_bug_011() {
        let (b, e) = ("<!--XSUPERVISOR:BEGIN-->", "<!--XSUPERVISOR:END-->");
        let output = format!("{b}0123456789{e}{b}01<34{e}{b}ab{e}");
        assert_eq!(whole(4, &output).1, ["6789", "1<34", "ab"]);
    }

    #[test]
    fn an_event_is_stripped_on_its_own_log_035() {
        let output = b"\x1b[1mx<!--XSUPERVISOR:BEGIN-->a\x1b[0m\x1b[3<!--XSUPERVISOR:END-->1my";
        assert_eq!(cut(99, true, &[output]), (b"\x1b[1mx1my".to_vec(), vec![b"a".to_vec()]));
    }

    fn soup() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            Just(BEGIN.to_vec()),
            Just(END.to_vec()),
            (1usize..BEGIN.len()).prop_map(|length| BEGIN[..length].to_vec()),
            (1usize..END.len()).prop_map(|length| END[..length].to_vec()),
            Just(b"\x1b[1m".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..6),
        ];
        proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn any_cutting_gives_the_same_text_and_events(
            output in soup(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..9), strip in any::<bool>(),
            max in 1usize..60,
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(output.len() + 1)).collect();
            cuts.extend([0, output.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &output[pair[0]..pair[1]]).collect();
            prop_assert_eq!(cut(max, strip, &pieces), cut(max, strip, &[&output]));
        }

        /// Against what anybody would write who has all of the output at once.
        #[test]
        fn the_parts_are_those_of_a_plain_search(output in soup()) {
            let find = |from: usize, token: &[u8]| {
                output[from..].windows(token.len()).position(|window| window == token).map(|at| from + at)
            };
            let (mut text, mut events, mut at) = (Vec::new(), Vec::new(), 0);
            while let Some(begin) = find(at, BEGIN) {
                text.extend_from_slice(&output[at..begin]);
                let Some(end) = find(begin + BEGIN.len(), END) else { at = output.len(); break };
                events.push(output[begin + BEGIN.len()..end].to_vec());
                at = end + END.len();
            }
            text.extend_from_slice(&output[at..]);
            prop_assert_eq!(cut(usize::MAX, false, &[&output]), (text, events));
        }
    }
}
