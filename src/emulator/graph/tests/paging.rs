//! How an answer is cut into pages, and when it says that something is missing.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Answer, ONE, Tables, answer, ask};

const SORTED: &str = "resources | project id, name | order by id asc";

fn many(count: usize) -> Tables {
    let row =
        |number| super::resource(ONE, "Microsoft.Test/things", &format!("{number:05}"), &json!({}));
    [("resources".to_owned(), (0..count).map(row).collect())].into()
}

fn page(tables: &Tables, query: &str, options: &Value) -> Answer {
    answer(tables, &json!({ "query": query, "options": options }), &super::visible())
}

#[test]
fn every_row_is_on_exactly_one_page() {
    let tables = many(10);
    let mut names = Vec::new();
    let mut token = Value::Null;
    for (pages, count) in [3, 3, 3, 1].into_iter().enumerate() {
        let answer = page(&tables, SORTED, &json!({ "$top": 3, "$skipToken": token }));
        assert_eq!(answer.body["totalRecords"], 10);
        assert_eq!(answer.body["count"], count);
        assert_eq!(answer.body["resultTruncated"], "false");
        assert_eq!(answer.body["facets"], json!([]));
        names.extend(
            answer.body["data"].as_array().unwrap().iter().map(|row| row["name"].to_string()),
        );
        token = answer.body["$skipToken"].clone();
        assert_eq!(token.is_null(), pages == 3, "no token on the last page");
    }
    assert_eq!(names.len(), 10);
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 10);
    assert!(names.is_sorted());
}

#[test]
fn a_page_has_a_thousand_rows_unless_told_otherwise() {
    let tables = many(1001);
    let first = page(&tables, SORTED, &Value::Null).body;
    assert_eq!((&first["count"], &first["totalRecords"]), (&json!(1000), &json!(1001)));
    let last = page(&tables, SORTED, &json!({ "$skipToken": first["$skipToken"] })).body;
    assert_eq!(last["count"], 1);
    assert!(last.get("$skipToken").is_none());
    let exact = page(&many(1000), SORTED, &Value::Null).body;
    assert!(exact.get("$skipToken").is_none());
}

#[test]
fn the_size_of_a_page_is_kept_by_its_token_and_may_be_overridden() {
    let tables = many(9);
    let first = page(&tables, SORTED, &json!({ "$top": 2 })).body;
    let token = &first["$skipToken"];
    assert_eq!(page(&tables, SORTED, &json!({ "$skipToken": token })).body["count"], 2);
    let wider = page(&tables, SORTED, &json!({ "$skipToken": token, "$top": 5 })).body;
    assert_eq!(wider["count"], 5);
    assert_eq!(wider["data"][0]["name"], "00002");
    let skipped = page(&tables, SORTED, &json!({ "$skip": 7 })).body;
    assert_eq!(skipped["count"], 2);
    let beyond = page(&tables, SORTED, &json!({ "$skip": 70 })).body;
    assert_eq!((&beyond["count"], &beyond["resultTruncated"]), (&json!(0), &json!("false")));
}

#[test]
fn what_cannot_be_paged_is_admitted_to_be_truncated() {
    let tables = many(4);
    let paged = |query: &str| {
        let body = page(&tables, query, &json!({ "$top": 2 })).body;
        let has_token = body.get("$skipToken").is_some();
        assert_eq!(body["resultTruncated"], if has_token { "false" } else { "true" }, "{query}");
        has_token
    };
    assert!(paged("resources"));
    assert!(paged("resources | project id"));
    assert!(paged("resources | extend name = tolower(id)"));
    assert!(paged("resources | distinct id"));
    assert!(paged("resources | union resources"));
    assert!(!paged("resources | project name"));
    assert!(!paged("resources | project id = tolower(id)"));
    assert!(!paged("resources | extend id = tolower(id)"));
    assert!(!paged("resources | project-away id"));
    assert!(!paged("resources | summarize count() by name"));
    assert!(!paged("resources | limit 3"));
    assert!(!paged("resources | limit 3 | project id"));
}

#[test]
fn a_token_is_good_only_for_its_query_and_scope() {
    let tables = many(4);
    let options = json!({ "$top": 2 });
    let token = page(&tables, SORTED, &options).body["$skipToken"].clone();
    let next = json!({ "$skipToken": token });
    assert_eq!(page(&tables, SORTED, &next).status, 200);
    assert_eq!(page(&tables, "resources | project id", &next).status, 400);
    let elsewhere = json!({ "query": SORTED, "subscriptions": [ONE], "options": next });
    assert_eq!(answer(&tables, &elsewhere, &super::visible()).status, 400);
    for forged in ["x", "bm90IGpzb24=", "e30="] {
        assert_eq!(page(&tables, SORTED, &json!({ "$skipToken": forged })).status, 400, "{forged}");
    }
}

#[test]
fn a_table_has_columns_and_rows() {
    let query =
        "resources | where name == 'acr1' | project id, n = 1, half = 0.5, yes = true, tags";
    let body = ask(&json!({ "query": query, "options": { "resultFormat": "table" } })).body;
    let expected = json!([
        { "name": "id", "type": "string" },
        { "name": "n", "type": "integer" },
        { "name": "half", "type": "number" },
        { "name": "yes", "type": "boolean" },
        { "name": "tags", "type": "object" },
    ]);
    assert_eq!(body["data"]["columns"], expected);
    assert_eq!(body["data"]["rows"][0][4], json!({ "team": "red" }));
    assert_eq!(body["count"], 1);
}
