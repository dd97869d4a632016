//! A file for each corner of the dialect, with what Python makes of it (CFG-002 to CFG-016).

use convoke::config::ini::Document;

/// What the row is about, the file, and its sections with their options, or the error.
#[rustfmt::skip]
const TABLE: [(&str, &str, &str); 104] = [
    ("basic", "[program:x]\ncommand=/bin/cat\n", "[program:x]<command=/bin/cat>"),
    ("spaces around =", "[program:x]\ncommand = /bin/cat\n", "[program:x]<command=/bin/cat>"),
    ("colon delimiter", "[program:x]\ncommand: /bin/cat\n", "[program:x]<command=/bin/cat>"),
    ("colon then equals", "[program:x]\nenvironment: A=1\n", "[program:x]<environment=A=1>"),
    ("equals then colon", "[program:x]\nserverurl=http://localhost:9001\n", "[program:x]<serverurl=http://localhost:9001>"),
    ("value with = signs", "[program:x]\nenvironment=A=\"1\",B=\"2\"\n", "[program:x]<environment=A=\"1\",B=\"2\">"),
    ("value with %", "[program:x]\nprocess_name=%(program_name)s_%(process_num)02d\n", "[program:x]<process_name=%(program_name)s_%(process_num)02d>"),
    ("value with %%", "[program:x]\ncommand=date +%%Y\n", "[program:x]<command=date +%%Y>"),
    ("inline ; with space", "[program:x]\ncommand=/bin/cat ; comment\n", "[program:x]<command=/bin/cat>"),
    ("inline ; no space", "[program:x]\ncommand=/bin/cat;comment\n", "[program:x]<command=/bin/cat;comment>"),
    ("inline # with space", "[program:x]\ncommand=/bin/cat # comment\n", "[program:x]<command=/bin/cat>"),
    ("inline # no space", "[program:x]\ncommand=/bin/cat#x\n", "[program:x]<command=/bin/cat#x>"),
    ("inline tab ;", "[program:x]\ncommand=/bin/cat\t;comment\n", "[program:x]<command=/bin/cat>"),
    ("; in quotes with space after", "[program:x]\ncommand=sh -c \"a; b\"\n", "[program:x]<command=sh -c \"a; b\">"),
    ("; in quotes with space before", "[program:x]\ncommand=sh -c \"a ; b\"\n", "[program:x]<command=sh -c \"a>"),
    ("# in url fragment", "[program:x]\ncommand=curl http://x/#frag\n", "[program:x]<command=curl http://x/#frag>"),
    ("; then # round quirk", "[program:x]\ncommand=a#b #c ;d\n", "[program:x]<command=a#b #c>"),
    ("# then ; round quirk", "[program:x]\ncommand=a;b ;c #d\n", "[program:x]<command=a;b ;c>"),
    ("; directly after =", "[program:x]\ncommand=;foo\n", "[program:x]<command=;foo>"),
    ("; after = and space", "[program:x]\ncommand= ;foo\n", "[program:x]<command=>"),
    ("full-line ;", "[program:x]\n; c\ncommand=a\n", "[program:x]<command=a>"),
    ("full-line #", "[program:x]\n# c\ncommand=a\n", "[program:x]<command=a>"),
    ("indented comment", "[program:x]\ncommand=a\n   ; c\nuser=b\n", "[program:x]<command=a><user=b>"),
    ("continuation", "[program:x]\ncommand=a\n  b\n  c\n", "[program:x]<command=a\nb\nc>"),
    ("continuation tab", "[program:x]\ncommand=a\n\tb\n", "[program:x]<command=a\nb>"),
    ("environment multi-line", "[program:x]\nenvironment=\n  A=\"1\",\n  B=\"2\"\nuser=z\n", "[program:x]<environment=\nA=\"1\",\nB=\"2\"><user=z>"),
    ("continuation with inline comment", "[program:x]\nenvironment=A=1, ; first\n  B=2 ; second\n", "[program:x]<environment=A=1,\nB=2>"),
    ("comment line inside continuation", "[program:x]\ncommand=a\n; c\n  b\n", "[program:x]<command=a\nb>"),
    ("indented comment inside continuation", "[program:x]\ncommand=a\n  ; c\n  b\n", "[program:x]<command=a\nb>"),
    ("blank line inside continuation", "[program:x]\ncommand=a\n\n  b\n", "[program:x]<command=a\n\nb>"),
    ("whitespace line inside continuation", "[program:x]\ncommand=a\n   \n  b\n", "[program:x]<command=a\n\nb>"),
    ("2 blank lines inside", "[program:x]\ncommand=a\n\n\n  b\n", "[program:x]<command=a\n\n\nb>"),
    ("blank + comment inside", "[program:x]\ncommand=a\n\n; c\n\n  b\n", "[program:x]<command=a\n\n\nb>"),
    ("blank lines after value", "[program:x]\ncommand=a\n\n\nuser=b\n", "[program:x]<command=a><user=b>"),
    ("trailing blank in continuation", "[program:x]\ncommand=a\n  b\n\n\n[program:y]\ncommand=c\n", "[program:x]<command=a\nb>[program:y]<command=c>"),
    ("continuation same indent", "[program:x]\n  command=a\n  user=b\n", "[program:x]<command=a><user=b>"),
    ("continuation deeper than indented key", "[program:x]\n  command=a\n    b\n", "[program:x]<command=a\nb>"),
    ("continuation looks like option", "[program:x]\ncommand=a\n  user=b\n", "[program:x]<command=a\nuser=b>"),
    ("continuation looks like section", "[program:x]\ncommand=a\n  [b]\n", "[program:x]<command=a\n[b]>"),
    ("bracketed value in continuation list", "[group:g]\nprograms=\n  [a],\n  b\n", "[group:g]<programs=\n[a],\nb>"),
    ("indented section header after value", "[program:x]\ncommand=a\n  [program:y]\n  command=b\n", "[program:x]<command=a\n[program:y]\ncommand=b>"),
    ("indented option after section", "[program:x]\n  command=a\nuser=b\n", "[program:x]<command=a><user=b>"),
    ("key case", "[program:x]\nCommand=a\nUSER=b\n", "[program:x]<command=a><user=b>"),
    ("duplicate key", "[program:x]\ncommand=a\ncommand=b\n", "[program:x]<command=b>"),
    ("duplicate key case", "[program:x]\ncommand=a\nCOMMAND=b\n", "[program:x]<command=b>"),
    ("duplicate section merges", "[program:x]\ncommand=a\n[program:y]\ncommand=c\n[program:x]\nuser=b\n", "[program:x]<command=a><user=b>[program:y]<command=c>"),
    ("duplicate section+key", "[program:x]\ncommand=a\n[program:x]\ncommand=b\n", "[program:x]<command=b>"),
    ("section case", "[Program:X]\ncommand=a\n[program:x]\ncommand=b\n", "[Program:X]<command=a>[program:x]<command=b>"),
    ("section spaces inside", "[program: my prog ]\ncommand=a\n", "[program: my prog ]<command=a>"),
    ("section outer spaces", "[ program:x ]\ncommand=a\n", "[ program:x ]<command=a>"),
    ("section trailing comment", "[program:x] ; c\ncommand=a\n", "[program:x]<command=a>"),
    ("section trailing text", "[program:x] foo\ncommand=a\n", "[program:x]<command=a>"),
    ("section ] inside", "[program:x]y]\ncommand=a\n", "[program:x]y]<command=a>"),
    ("section ; inside no space", "[program:x;y]\ncommand=a\n", "[program:x;y]<command=a>"),
    ("section ; inside w/ space", "[program:x ;y]\ncommand=a\n", "error: File contains no section headers.\nfile: 'f', line: 1\n'[program:x ;y]\\n'"),
    ("section empty []", "[]\ncommand=a\n", "error: File contains no section headers.\nfile: 'f', line: 1\n'[]\\n'"),
    ("section unclosed", "[program:x\ncommand=a\n", "error: File contains no section headers.\nfile: 'f', line: 1\n'[program:x\\n'"),
    ("indented section", "  [program:x]\n  command=a\n", "[program:x]<command=a>"),
    ("DEFAULT section", "[DEFAULT]\nuser=root\n[program:x]\ncommand=a\n", "[program:x]<command=a><user=root>"),
    ("default lower", "[default]\nuser=root\n[program:x]\ncommand=a\n", "[default]<user=root>[program:x]<command=a>"),
    ("section order", "[program:z]\ncommand=a\n[program:a]\ncommand=a\n[program:m]\ncommand=a\n", "[program:z]<command=a>[program:a]<command=a>[program:m]<command=a>"),
    ("option order", "[program:x]\nz=1\na=2\nm=3\n", "[program:x]<z=1><a=2><m=3>"),
    ("key without value", "[program:x]\ncommand\n", "error: Source contains parsing errors: 'f'\n\t[line  2]: 'command\\n'"),
    ("key with empty value", "[program:x]\ncommand=\n", "[program:x]<command=>"),
    ("key with colon empty", "[program:x]\ncommand:\n", "[program:x]<command=>"),
    ("no key", "[program:x]\n=value\n", "error: Source contains parsing errors: 'f'\n\t[line  2]: '=value\\n'"),
    ("two bad lines", "[program:x]\nfoo\ncommand=a\nbar\n", "error: Source contains parsing errors: 'f'\n\t[line  2]: 'foo\\n'\n\t[line  4]: 'bar\\n'"),
    ("bad line then continuation", "[program:x]\ncommand=a\nfoo\n  b\n", "error: Source contains parsing errors: 'f'\n\t[line  3]: 'foo\\n'"),
    ("no section header", "command=a\n[program:x]\n", "error: File contains no section headers.\nfile: 'f', line: 1\n'command=a\\n'"),
    ("comment before section", "; hello\n\n[program:x]\ncommand=a\n", "[program:x]<command=a>"),
    ("BOM", "\u{feff}[program:x]\ncommand=a\n", "error: File contains no section headers.\nfile: 'f', line: 1\n'\\ufeff[program:x]\\n'"),
    ("CRLF", "[program:x]\r\ncommand=a ; c\r\nuser=b\r\n", "[program:x]<command=a><user=b>"),
    ("CRLF continuation", "[program:x]\r\ncommand=a\r\n  b\r\n", "[program:x]<command=a\nb>"),
    ("lone CR", "[program:x]\rcommand=a\ruser=b\r", "[program:x]<command=a><user=b>"),
    ("no final newline", "[program:x]\ncommand=a", "[program:x]<command=a>"),
    ("unicode value", "[program:x]\ncommand=/bin/écho 中\n", "[program:x]<command=/bin/écho 中>"),
    ("unicode key", "[program:x]\nÉTÉ=1\n", "[program:x]<été=1>"),
    ("NBSP around", "[program:x]\ncommand=\u{a0}a\u{a0}\n", "[program:x]<command=a>"),
    ("NBSP before ;", "[program:x]\ncommand=a\u{a0};b\n", "[program:x]<command=a>"),
    ("\\x1f before ;", "[program:x]\ncommand=a\u{1f};b\n", "[program:x]<command=a>"),
    ("vertical tab", "[program:x]\ncommand=a\u{b}b\n", "[program:x]<command=a\u{b}b>"),
    ("form feed line", "[program:x]\ncommand=a\n\u{c}\nuser=b\n", "[program:x]<command=a><user=b>"),
    ("trailing spaces value", "[program:x]\ncommand=a   \n", "[program:x]<command=a>"),
    ("trailing \\x1f value", "[program:x]\ncommand=a\u{1f}\n", "[program:x]<command=a>"),
    ("quotes kept", "[program:x]\ncommand=\"a b\"  'c'\n", "[program:x]<command=\"a b\"  'c'>"),
    ("backslash continuation", "[program:x]\ncommand=a \\\n  b\n", "[program:x]<command=a \\\nb>"),
    ("key with spaces", "[program:x]\nmy key = v\n", "[program:x]<my key=v>"),
    ("key with ;", "[program:x]\na;b=c\n", "[program:x]<a;b=c>"),
    ("key with ' ;'", "[program:x]\na ;b=c\n", "error: Source contains parsing errors: 'f'\n\t[line  2]: 'a ;b=c\\n'"),
    ("key starts with [", "[program:x]\n[foo=bar\n", "[program:x]<[foo=bar>"),
    ("key [x]=v", "[program:x]\n[x]=v\ncommand=a\n", "[program:x][x]<command=a>"),
    ("rem line", "[program:x]\nrem foo=bar\n", "[program:x]<rem foo=bar>"),
    ("value starts with [", "[program:x]\ncommand=[a]\n", "[program:x]<command=[a]>"),
    ("tabs indent vs spaces", "[program:x]\ncommand=a\n b\n\tc\n", "[program:x]<command=a\nb\nc>"),
    ("NUL", "[program:x]\ncommand=a\u{0}b\n", "[program:x]<command=a\u{0}b>"),
    ("include section", "[include]\nfiles = a/*.conf\n   b/*.ini\n", "[include]<files=a/*.conf\nb/*.ini>"),
    ("only comments", "; a\n# b\n", ""),
    ("empty", "", ""),
    ("continuation dedent deeper", "[program:x]\ncommand=a\n    b\n  c\n", "[program:x]<command=a\nb\nc>"),
    ("key=value after deeper section indent", "   [program:x]\ncommand=a\n b\n", "[program:x]<command=a\nb>"),
    ("unicode line sep U+2028", "[program:x]\ncommand=a\u{2028}b\n", "[program:x]<command=a\u{2028}b>"),
    ("U+0085 in value", "[program:x]\ncommand=a\u{85}b\n", "[program:x]<command=a\u{85}b>"),
    ("triple ;", "[program:x]\ncommand=a ;;; b\n", "[program:x]<command=a>"),
    ("; at col 0 of continuation", "[program:x]\ncommand=a\n;b\n c\n", "[program:x]<command=a\nc>"),
];

#[test]
fn every_corner_of_the_dialect_reads_as_in_python() {
    for (name, text, expected) in TABLE {
        assert_eq!(plain(text), expected, "{name}: {text:?}");
    }
}

fn plain(text: &str) -> String {
    let mut document = Document::default();
    if let Some(error) = document.read("f", text).first() {
        return format!("error: {error}");
    }
    let mut shown = String::new();
    for section in document.sections() {
        shown.push_str(&format!("[{section}]"));
        for option in document.options(&section) {
            let value = document.get(&section, &option).unwrap_or_default();
            shown.push_str(&format!("<{option}={value}>"));
        }
    }
    shown
}
