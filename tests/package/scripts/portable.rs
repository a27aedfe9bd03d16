//! The scripts keep to bash 3.2 and to what BSD's tools take too, as macOS has them.

use std::fs;

use super::super::tests::root;

/// What needs a newer bash, or GNU's tools: the text, and what to write instead
const NEWER: [(&str, &str); 20] = [
    ("mapfile", "a loop over `read`"),
    ("readarray", "a loop over `read`"),
    ("declare -A", "a function with `case`"),
    ("local -n", "a printed value"),
    ("local -A", "a function with `case`"),
    ("coproc", "a pipe"),
    ("&>>", "`>>file 2>&1`"),
    ("|&", "`2>&1 |`"),
    (",,}", "`lower`"),
    ("^^}", "`tr`"),
    ("@Q}", "`printf %q`"),
    ("xargs -r", "a loop over `read`"),
    ("install -D", "`mkdir` and `install`"),
    ("touch -d", "`touch -t`"),
    ("sed -i", "a new file, and `mv`"),
    ("grep -P", "`grep -E`"),
    ("readlink -f", "`cd` and `pwd`"),
    ("realpath", "`cd` and `pwd`"),
    ("stat -c", "`wc -c`"),
    ("\\|", "`-E` and `|`: BSD's basic expressions have no alternatives"),
];

/// What is wrong with a script, one line each
fn problems(name: &str, text: &str) -> Vec<String> {
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#'));
    let found = code.flat_map(|(number, line)| {
        let hits = NEWER.iter().filter(|(word, _)| line.contains(word));
        hits.map(move |(word, instead)| format!("{name}:{}: `{word}`: {instead}", number + 1))
    });
    found.collect()
}

#[test]
fn scripts_run_with_the_bash_and_the_tools_of_macos() {
    let mut count = 0;
    for entry in fs::read_dir(root().join("infra")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "sh") {
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(problems(path.to_str().unwrap(), &text), Vec::<String>::new());
            count += 1;
        }
    }
    assert!(count >= 5, "{count} scripts");
}

#[test]
fn what_only_newer_ones_take_is_found() {
    assert_eq!(
        problems("x.sh", "# mapfile is new\ntouch -t 202001010000 a\n"),
        Vec::<String>::new()
    );
    assert_eq!(problems("x.sh", "true\nfind . | xargs -r rm\n").len(), 1);
}
