//! Which word was meant: edit distance over a handful of known words.
//!
//! It only ever suggests; nothing is accepted because it is close.

/// Help for a word that is not among those known: the nearest one, then all
pub(super) fn instead_of(found: &str, known: &[&str]) -> String {
    let all: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    let all = format!("known here: {}", all.join(", "));
    match nearest(found, known) {
        Some(word) => format!("did you mean `{word}`? {all}"),
        None => all,
    }
}

/// The known word that this one is a slip of the pen from
pub(super) fn nearest<'w>(found: &str, known: &[&'w str]) -> Option<&'w str> {
    let found = found.trim().to_lowercase().replace('_', "-");
    let near = |word: &&'w str| {
        let distance = distance(&found, &word.replace('_', "-"));
        (distance <= (word.len() / 3).max(1)).then_some((distance, *word))
    };
    known.iter().filter_map(near).min().map(|(_, word)| word)
}

/// Letters to add, drop, change or swap with their neighbour to turn one word into the other
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) =
        (from.chars().take(64).collect(), to.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let changed = at(&above, j) + usize::from(a != b);
            let mut best = changed.min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && from.get(i - 1) == Some(b) && to.get(j - 1) == Some(a);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_letters() {
        #[track_caller]
        fn check(from: &str, to: &str, expected: usize) {
            assert_eq!(distance(from, to), expected, "{from} to {to}");
            assert_eq!(distance(to, from), expected, "{to} to {from}");
        }
        check("", "", 0);
        check("", "mode", 4);
        check("mode", "mode", 0);
        check("mdoe", "mode", 1);
        check("modes", "mode", 1);
        check("rule", "rules", 1);
        check("observer", "observe", 1);
        check("registries", "registry", 3);
        check("owner", "rules", 4);
    }

    #[test]
    fn only_a_near_word_is_suggested() {
        #[track_caller]
        fn check(found: &str, expected: Option<&str>) {
            assert_eq!(nearest(found, &["observe", "attach-only", "max_attach"]), expected);
        }
        check("attach_only", Some("attach-only"));
        check("Observe", Some("observe"));
        check("max-attach", Some("max_attach"));
        check("attach", None);
        check("delete-everything", None);
        check(&"o".repeat(100_000), None);
    }
}
