//! What is done to a child's bytes on their way to the log; pure.

/// Takes terminal colours and cursor moves out of a stream: `ESC [` up to the first final letter (LOG-035).
///
/// Unlike the reference it remembers, so a sequence cut by the end of a read is taken out all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AnsiStripper {
    inside: Inside,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Inside {
    #[default]
    Text,
    /// An escape was the last byte; it is text unless a bracket follows.
    Escape,
    Sequence,
}

const ESCAPE: u8 = 0x1b;
const FINALS: &[u8] = b"HfABCDRsuJKhlpm";

impl AnsiStripper {
    /// What remains of the next piece of the stream.
    pub fn strip(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(piece.len());
        for &byte in piece {
            self.inside = match (self.inside, byte) {
                (Inside::Text, ESCAPE) => Inside::Escape,
                (Inside::Escape, b'[') => Inside::Sequence,
                (Inside::Escape, ESCAPE) => {
                    out.push(ESCAPE);
                    Inside::Escape
                }
                (Inside::Escape, byte) => {
                    out.extend([ESCAPE, byte]);
                    Inside::Text
                }
                (Inside::Sequence, byte) if FINALS.contains(&byte) => Inside::Text,
                (Inside::Sequence, _) => Inside::Sequence,
                (Inside::Text, byte) => {
                    out.push(byte);
                    Inside::Text
                }
            };
        }
        out
    }

    /// The escape that was held back when the stream ended.
    pub fn finish(&mut self) -> &'static [u8] {
        match std::mem::take(&mut self.inside) {
            Inside::Escape => &[ESCAPE],
            Inside::Text | Inside::Sequence => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strip(pieces: &[&[u8]]) -> Vec<u8> {
        let mut stripper = AnsiStripper::default();
        let mut out: Vec<u8> = pieces.iter().flat_map(|piece| stripper.strip(piece)).collect();
        out.extend(stripper.finish());
        out
    }

    #[test]
    fn colours_go_and_text_stays_log_035() {
        assert_eq!(strip(&[b"\x1b[1;31mred\x1b[0m plain"]), b"red plain");
        assert_eq!(strip(&[b"\x1b[2Kx\x1b[10;20Hy"]), b"xy");
        assert_eq!(strip(&[b"\x1b]0;title\x07x"]), b"\x1b]0;title\x07x");
        assert_eq!(strip(&[b"\x1b\x1b[mx"]), b"\x1bx");
    }

    #[test]
    fn a_sequence_is_taken_out_wherever_the_reads_cut_it() {
        let whole: &[u8] = b"a\x1b[1;31mred\x1b[0m\x1bc end\x1b";
        let expected = strip(&[whole]);
        assert_eq!(expected, b"ared\x1bc end\x1b");
        for first in 0..=whole.len() {
            for second in first..=whole.len() {
                let pieces = [&whole[..first], &whole[first..second], &whole[second..]];
                assert_eq!(strip(&pieces), expected, "cut at {first} and {second}");
            }
        }
    }
}
