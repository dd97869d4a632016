//! A property: we read any text as Python does. A text that is read otherwise is made as short as can be, kept in
//! `tests/config/kept`, and tried before all others from then on.

use std::path::Path;

use serde_json::Value;

/// Our answer and Python's.
pub type Answers = (Value, Value);

/// Tries what was kept under `name` and then `texts`; `answers` gives one pair for each text.
pub fn agree(name: &str, texts: Vec<String>, answers: impl Fn(&[String]) -> Vec<Answers>) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/kept");
    agree_with_kept(&directory.join(format!("{name}.json")), texts, answers);
}

fn agree_with_kept(path: &Path, texts: Vec<String>, answers: impl Fn(&[String]) -> Vec<Answers>) {
    let mut kept = read_kept(path);
    let cases: Vec<String> = kept.iter().cloned().chain(texts).collect();
    let all = answers(&cases);
    assert_eq!(all.len(), cases.len());
    let differing: Vec<&String> =
        cases.iter().zip(&all).filter(|(_, (ours, theirs))| ours != theirs).map(|(text, _)| text).collect();
    let Some(first) = differing.first() else { return };
    let shortest =
        shrink(first, |texts| answers(texts).iter().map(|(ours, theirs)| ours != theirs).collect());
    let (ours, theirs) = answers(std::slice::from_ref(&shortest)).remove(0);
    if !kept.contains(&shortest) {
        kept.push(shortest.clone());
        std::fs::write(path, serde_json::to_string_pretty(&kept).unwrap()).unwrap();
    }
    let (count, of, path) = (differing.len(), cases.len(), path.display());
    panic!("{count} of {of} differ; kept in {path}\n{shortest:?}\n  ours   {ours}\n  python {theirs}");
}

fn read_kept(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Takes pieces out as long as what is left still fails. All that can be left out at one length is tried at once,
/// since one Python process answers as many texts as one text.
fn shrink(text: &str, fail: impl Fn(&[String]) -> Vec<bool>) -> String {
    let mut shortest: Vec<char> = text.chars().collect();
    let mut length = shortest.len().div_ceil(2);
    while length > 0 {
        let shorter: Vec<String> = (0..=shortest.len().saturating_sub(length))
            .map(|start| shortest[..start].iter().chain(&shortest[start + length..]).collect())
            .filter(|shorter: &String| shorter.chars().count() < shortest.len())
            .collect();
        let failed = fail(&shorter);
        match shorter.iter().zip(failed).find(|(_, failed)| *failed) {
            Some((shorter, _)) => {
                shortest = shorter.chars().collect();
                length = length.min(shortest.len());
            }
            None => length /= 2,
        }
    }
    shortest.into_iter().collect()
}

#[test]
fn a_failing_text_is_made_as_short_as_can_be() {
    let fail = |texts: &[String]| {
        texts.iter().map(|text| text.contains('é') && text.contains("=x")).collect::<Vec<_>>()
    };
    assert_eq!(shrink("[s]\nk = 1\nmoré=xyz\n;c", fail), "é=x");
    assert_eq!(shrink("=xé", fail), "=xé");
    assert_eq!(shrink("anything", |texts| vec![true; texts.len()]), "");
}

#[test]
fn a_difference_is_kept_shortened() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kept.json");
    std::fs::write(&path, "[\"old\"]").unwrap();
    let seen = std::panic::catch_unwind(|| {
        let answers = |text: &String| (Value::from(text.contains('b')), Value::from(false));
        let texts = vec!["agreed".to_string(), "abc".to_string()];
        agree_with_kept(&path, texts, |texts| texts.iter().map(answers).collect());
    });
    let kept = read_kept(&path);
    assert!(seen.is_err());
    assert_eq!(kept, ["old", "b"]);
}
