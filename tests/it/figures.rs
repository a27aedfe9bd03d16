//! The page on performance has the same figures and goals as the table that `cargo bench` prints.

use std::fs;
use std::path::Path;

#[path = "../../benches/table/goals.rs"]
mod goals;

/// The cells of the first table of the page, without its head
fn rows(page: &str) -> Vec<Vec<&str>> {
    let lines = page.lines().skip_while(|line| !line.starts_with('|'));
    let lines = lines.take_while(|line| line.starts_with('|')).skip(2);
    lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_page_on_performance_has_the_figures_of_the_table_and_their_goals() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    let page = fs::read_to_string(path).unwrap();
    let found: Vec<(String, String)> =
        rows(&page).iter().map(|cells| (cells[0].to_owned(), cells[4].to_owned())).collect();
    let expected: Vec<(String, String)> =
        goals::GOALS.iter().map(|(name, goal)| ((*name).to_owned(), goal.to_string())).collect();
    assert_eq!(found, expected);
    for (name, _) in goals::GOALS {
        let named = page.matches(name).count();
        assert_eq!(named, 2, "`{name}` stands in the table, and where it is said what limits it");
    }
}
