//! What is refused, in which words; and that nothing hostile does more harm than that.

use serde_json::{Value, json};

use super::{HIDDEN, ask, rows};

/// Checks the second detail of the refusal of a query; the first always blames the query
#[track_caller]
fn refuses(query: &str, expected: &Value) {
    let answer = ask(&json!({ "query": query }));
    assert_eq!(answer.status, 400, "{query}");
    let error = &answer.body["error"];
    assert_eq!(error["code"], "BadRequest");
    assert!(
        error["message"].as_str().unwrap().starts_with("Please provide below info when asking")
    );
    assert_eq!(error["details"][0]["code"], "InvalidQuery", "{query}");
    assert_eq!(error["details"][1], *expected, "{query}");
    assert_eq!(error["details"].as_array().unwrap().len(), 2);
}

#[track_caller]
fn fails_to_parse(query: &str, line: usize, character: usize, token: &str) {
    let mut expected = json!({
        "code": "ParserFailure", "message": "ParserFailure", "line": line, "token": token,
    });
    if character > 0 {
        expected["characterPositionInLine"] = json!(character);
    }
    refuses(query, &expected);
}

#[test]
fn a_query_that_does_not_parse_names_the_place() {
    fails_to_parse("", 1, 0, "<EOF>");
    fails_to_parse("resources | where", 1, 17, "<EOF>");
    fails_to_parse("resources | where name ==", 1, 25, "<EOF>");
    fails_to_parse("resources |\n where name = 'x'", 2, 12, "=");
    fails_to_parse("resources | where name == 'x", 1, 26, "'");
    fails_to_parse("resources | where name == 'x\n'", 1, 26, "'");
    fails_to_parse("resources | where name matches regex 'x'", 1, 23, "matches");
    fails_to_parse("resources | where (name == 'x'", 1, 30, "<EOF>");
    fails_to_parse("resources | where name == 'x')", 1, 29, ")");
    fails_to_parse("resources | where name in ()", 1, 27, ")");
    fails_to_parse("resources; resources", 1, 9, ";");
    fails_to_parse("resources | where tags[-1] == 1", 1, 23, "-");
    fails_to_parse("resources | take x", 1, 17, "x");
    fails_to_parse("resources | take 1.5", 1, 17, "1.5");
    fails_to_parse("resources | where a == 007", 1, 23, "0");
    fails_to_parse("resources | order name", 1, 18, "name");
    fails_to_parse("resources | join (resources) name", 1, 29, "name");
}

#[test]
fn an_operator_that_is_not_served_is_named() {
    let unserved = |query: &str, token: &str, message: &str| {
        let expected = json!({
            "code": "InvalidQueryLanguage", "message": message, "line": -1,
            "characterPositionInLine": -1, "token": token,
        });
        refuses(query, &expected);
    };
    let plain = "InvalidQueryLanguage";
    unserved("resources | mv-expand properties", "mv-expand", plain);
    unserved("resources | parse id with * 'x'", "parse", plain);
    unserved("resources | project-rename a = id", "project-rename", plain);
    unserved("let x = 1; resources", "let", plain);
    let union = "`union` is served between bars only";
    unserved("union resources, resourcecontainers", "union", union);
    let inner = "`union` is served as kind=outer only";
    unserved("resources | union kind=inner resources", "inner", inner);
    let join = "This kind of `join` is not served";
    unserved("resources | join kind=fullouter resources on id", "fullouter", join);
    let legs = "A query may have 3 legs of `union`";
    let union = |count| format!("resources{}", " | union resources".repeat(count));
    unserved(&union(4), "union", legs);
    assert_eq!(rows(&union(3)).len(), 16);
    let joins = "A query may have 3 times `join`";
    let join = |count| format!("resources{}", " | join kind=inner resources on id".repeat(count));
    unserved(&join(4), "join", joins);
    assert_eq!(rows(&join(3)).len(), 4);
}

#[test]
fn what_does_not_exist_is_named() {
    let table = "Logical table nosuch is invalid, unsupported or disallowed.";
    refuses("nosuch", &json!({ "code": "DisallowedLogicalTableName", "message": table }));
    let function = |name: &str| json!({ "code": "UnknownFunction", "message": format!("Unknown function: '{name}'.") });
    refuses("resources | where cout(name) == 1", &function("cout"));
    refuses("resources | where tostring(name, name) == ''", &function("tostring"));
    refuses("resources | summarize dcount(name)", &function("dcount"));
    let column = |name: &str| {
        let message = format!("Failed to resolve scalar expression named '{name}'");
        json!({ "code": "UnknownColumn", "message": message })
    };
    for query in [
        "resources | where Name == 'x'",
        "resources | where true or isnull(Name.a)",
        "resources | project Name",
        "resources | project name | extend x = tolower(Name)",
        "resources | order by Name",
        "resources | project-away Name",
        "resources | distinct Name",
        "resources | summarize count() by Name",
        "resources | join (resources) on Name",
        "resources | where false | where Name in ('x')",
        "resources | union (resources | where Name == 'x')",
    ] {
        refuses(query, &column("Name"));
    }
    refuses("resources | project name | where id == 'x'", &column("id"));
}

#[test]
fn a_malformed_request_is_refused() {
    let code = |body: Value| {
        let answer = ask(&body);
        assert_eq!(answer.status, 400, "{body}");
        answer.body["error"]["details"][0]["code"].as_str().unwrap().to_owned()
    };
    for body in [
        json!(null),
        json!([]),
        json!({}),
        json!({ "query": 1 }),
        json!({ "query": "resources", "subscriptions": [1] }),
        json!({ "query": "resources", "options": { "$top": 0 } }),
        json!({ "query": "resources", "options": { "$top": 1001 } }),
        json!({ "query": "resources", "options": { "$top": -1 } }),
        json!({ "query": "resources", "options": { "resultFormat": "csv" } }),
        json!({ "query": "resources", "options": { "authorizationScopeFilter": "All" } }),
        json!({ "query": "resources", "subscriptions": [HIDDEN], "managementGroups": ["x"] }),
    ] {
        assert_eq!(code(body), "BadRequest");
    }
    let named = json!({ "query": "resources", "subscriptions": ["production"] });
    assert_eq!(code(named), "SubscriptionsContainInvalidGuids");
    let plain = json!({
        "query": "resources", "subscriptions": null, "facets": [], "options": { "$skipToken": "" },
    });
    assert_eq!(ask(&plain).status, 200);
}

#[test]
fn depth_is_bounded() {
    let nested = |open: &str, close: &str, depth: usize| {
        let query =
            format!("resources | where {}true{} | take 1", open.repeat(depth), close.repeat(depth));
        ask(&json!({ "query": query })).status
    };
    for (open, close) in [("(", ")"), ("not(not(", "))"), ("true in (", ")")] {
        assert_eq!(nested(open, close, 20), 200, "{open}");
        assert_eq!(nested(open, close, 100), 400, "{open}");
        assert_eq!(nested(open, close, 6_000), 400, "{open}");
    }
    let unions = format!("resources{}", " | union (resources".repeat(3_000));
    assert_eq!(ask(&json!({ "query": unions })).status, 400);
    assert_eq!(nested("(", "", 6_000), 400);
}

#[test]
fn length_is_bounded_and_long_chains_are_not_deep() {
    let chain = format!("resources | where {}true", "false or ".repeat(5_000));
    assert_eq!(ask(&json!({ "query": chain })).body["count"], 4);
    let path = format!("resources | where isnull(properties{})", ".a".repeat(5_000));
    assert_eq!(ask(&json!({ "query": path })).body["count"], 4);
    let long = format!("resources // {}", "x".repeat(70_000));
    assert_eq!(ask(&json!({ "query": long })).status, 400);
    let wide = format!("resources | extend a = 1{}", ", a = 1".repeat(300));
    assert_eq!(ask(&json!({ "query": wide })).status, 400);
}

#[test]
fn neither_rows_nor_columns_multiply_without_end() {
    let rows = (0..500).map(|number| {
        super::resource(super::ONE, "Microsoft.Test/things", &number.to_string(), &json!({}))
    });
    let tables = [("resources".to_owned(), rows.collect())].into();
    let columns = |from: usize| {
        let names: Vec<_> = (from..from + 250).map(|name| format!("c{name}=1")).collect();
        format!(" | extend {}", names.join(","))
    };
    let wide: String = (0..8_000).step_by(250).map(columns).collect();
    for query in ["resources | join kind=inner resources on location", &format!("resources{wide}")]
    {
        let answer = super::answer(&tables, &json!({ "query": query }), &super::visible());
        assert_eq!(answer.status, 400);
        assert_eq!(answer.body["error"]["details"][0]["code"], "ResponsePayloadTooLarge");
    }
}

#[test]
fn no_prefix_or_mutilation_of_a_query_panics() {
    let query = "resources | where tags['a-b'] =~ \"ä\\\"\" and name !in~ (1, -2.5) or not(true) \
                 | project id, x = iff(isnull(sku[0].name), @'\\', 'b') | order by x asc nulls last \
                 | join kind=leftouter (resourcecontainers | top 3 by id) on $left.id == $right.id \
                 | union (resources) | summarize n = count() by x | distinct * | take 5";
    assert_eq!(ask(&json!({ "query": query })).status, 200);
    let characters: Vec<char> = query.chars().collect();
    for at in 0..characters.len() {
        let prefix: String = characters.iter().take(at).collect();
        ask(&json!({ "query": prefix }));
        for replacement in ["", "(", "'", "-", "|", "é", "99999999999999999999", "\n"] {
            let rest: String = characters.iter().skip(at + 1).collect();
            ask(&json!({ "query": format!("{prefix}{replacement}{rest}") }));
        }
    }
}
