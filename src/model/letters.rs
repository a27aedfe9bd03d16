//! Letter case as Azure ignores it in names.

/// A text without its letter case, as Azure compares: letter by letter, and only where upper and lower
/// case are a pair. Lower case alone would make the Kelvin sign a `k`, and another's id of it.
pub(super) fn folded(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.chars().map(fold).collect() }
}

fn fold(letter: char) -> char {
    let mut lower = letter.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(lower), None) if lower.to_uppercase().eq([letter]) => lower,
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_only_look_alike_are_not_the_same() {
        for (one, other) in [("GRÜN", "grün"), ("ΟΔΟΣ", "οδοσ"), ("ЖУК", "жук"), ("K-1", "k-1")]
        {
            assert_eq!(folded(one), folded(other));
        }
        for (one, other) in [
            ("\u{212a}", "k"),
            ("\u{17f}", "s"),
            ("\u{130}", "i"),
            ("\u{131}", "i"),
            ("\u{2126}", "ω"),
            ("\u{212b}", "å"),
            ("ß", "\u{1e9e}"),
            ("\u{430}", "a"),
        ] {
            assert_ne!(folded(one), folded(other));
        }
    }
}
