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
    for (cells, (name, goal)) in rows(&page).iter().zip(goals::GOALS) {
        let number = |cell: &str| cell.replace(',', "").trim_end_matches(" %").parse::<f64>().ok();
        let (ours, peer) = (number(cells[1]).unwrap(), number(cells[2]));
        let verdict = goal.is_met(ours, peer);
        let word = verdict.map_or("", |met| if met { "met" } else { "missed" });
        assert_eq!(cells[5], word, "{name}");
        assert_eq!(number(cells[3]).is_some(), peer.is_some(), "{name}");
        if let (Some(share), Some(peer)) = (number(cells[3]), peer) {
            // Both figures stand there rounded.
            let recomputed = 100.0 * ours / peer;
            assert!((share - recomputed).abs() < 1.0 + recomputed / 20.0, "{name}: {recomputed}");
        }
        let named = page.matches(name).count();
        assert_eq!(named, 2, "`{name}` stands in the table, and where it is said what limits it");
    }
}
