//! The condition on the right to assign roles, put to every question that Azure could ask of it.
//!
//! A small evaluator of the language of Azure's conditions, as far as `infra/condition.txt` uses it.
//! What it does not know it refuses, so that a changed condition has to be looked at here too.

use tether::model::Role;

use super::read;

const WRITE: &str = "Microsoft.Authorization/roleAssignments/write";
const DELETE: &str = "Microsoft.Authorization/roleAssignments/delete";

/// What is asked for. Only a write has a request, only a deletion something that is there.
#[derive(Clone, Copy, Debug)]
struct Asked<'a> {
    action: &'a str,
    role: &'a str,
    principal_type: &'a str,
}

/// Splits a condition into brackets, words, and what stands in braces or square brackets.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' | '!' => 1,
            '{' => rest.find('}').unwrap() + 1,
            _ => rest.find(|c: char| c.is_whitespace() || "(){!".contains(c)).unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at(length);
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

struct Condition<'a> {
    words: &'a [String],
    asked: Asked<'a>,
}

impl Condition<'_> {
    fn allows(text: &str, asked: Asked<'_>) -> bool {
        let words = words(text);
        let mut condition = Condition { words: &words, asked };
        let allows = condition.either();
        assert!(condition.words.is_empty(), "what is `{:?}`?", condition.words);
        allows
    }

    fn next(&mut self) -> String {
        let (first, rest) = self.words.split_first().expect("the condition goes on");
        self.words = rest;
        first.clone()
    }

    fn next_is(&mut self, word: &str) -> bool {
        let is_it = self.words.first().is_some_and(|next| next == word);
        if is_it {
            self.next();
        }
        is_it
    }

    fn either(&mut self) -> bool {
        let mut allows = self.both();
        while self.next_is("OR") {
            allows |= self.both();
        }
        allows
    }

    fn both(&mut self) -> bool {
        let mut allows = self.one();
        while self.next_is("AND") {
            allows &= self.one();
        }
        allows
    }

    fn one(&mut self) -> bool {
        if self.next_is("!") {
            return !self.one();
        }
        if self.next_is("(") {
            let allows = self.either();
            assert!(self.next_is(")"), "a bracket is not closed");
            return allows;
        }
        let attribute = self.next();
        if attribute == "ActionMatches" {
            return list(&self.next()).contains(&self.asked.action.to_lowercase());
        }
        let (operator, values) = (self.next(), list(&self.next()));
        let value = self.attribute(&attribute);
        let expected = if attribute.contains(":RoleDefinitionId]") {
            "ForAnyOfAnyValues:GuidEquals"
        } else {
            "ForAnyOfAnyValues:StringEqualsIgnoreCase"
        };
        assert_eq!(operator, expected, "{attribute}");
        value.is_some_and(|value| values.contains(&value.to_lowercase()))
    }

    /// An attribute's value, if there is one: with nothing there a comparison is not met.
    fn attribute(&self, attribute: &str) -> Option<&str> {
        let Asked { action, role, principal_type } = self.asked;
        let (source, name) = attribute.split_once('[').unwrap();
        let name = name.strip_prefix("Microsoft.Authorization/roleAssignments:").unwrap();
        let value = match name {
            "RoleDefinitionId]" => role,
            "PrincipalType]" => principal_type,
            other => panic!("what is `{other}`?"),
        };
        match source {
            "@Request" => (action == WRITE).then_some(value),
            "@Resource" => (action == DELETE).then_some(value),
            other => panic!("what is `{other}`?"),
        }
    }
}

/// What stands in braces, between commas, in small letters
fn list(text: &str) -> Vec<String> {
    let inside = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap();
    inside.split(',').map(|one| one.trim().trim_matches('\'').to_lowercase()).collect()
}

const OTHER_ROLES: [&str; 4] = [
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", // Owner
    "b24988ac-6180-42a0-ab88-20f7382dd24c", // Contributor
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168", // Role Based Access Control Administrator
    "8311e382-0749-4cb8-b61a-304f252e45ec", // AcrPush
];

const PRINCIPAL_TYPES: [&str; 5] = ["ServicePrincipal", "User", "Group", "ForeignGroup", "Device"];

#[test]
fn it_allows_the_two_pull_roles_for_service_principals_and_no_other_assignment() {
    let text = read("infra/condition.txt");
    let pull = Role::ALL.map(|role| role.guid().to_string());
    let roles = pull.iter().map(String::as_str).chain(OTHER_ROLES);
    for role in roles {
        for principal_type in PRINCIPAL_TYPES {
            let is_pull = pull.iter().any(|one| one == role);
            let check = |action, expected| {
                let asked = Asked { action, role, principal_type };
                assert_eq!(Condition::allows(&text, asked), expected, "{asked:?}");
            };
            check(WRITE, is_pull && principal_type == "ServicePrincipal");
            check(DELETE, is_pull);
            // The role it stands on allows nothing else; the condition does not have to.
            check("Microsoft.Authorization/roleAssignments/read", true);
            check("Microsoft.Authorization/roleDefinitions/write", true);
        }
    }
}

#[test]
fn a_condition_that_lets_more_through_is_noticed() {
    let text = read("infra/condition.txt");
    let allows = |from: &str, to: &str, asked| {
        assert!(text.contains(from), "{from}");
        assert!(!Condition::allows(&text, asked), "{asked:?}");
        Condition::allows(&text.replacen(from, to, 1), asked)
    };
    let [owner, ..] = OTHER_ROLES;
    let pull = Role::ALL[0].guid().to_string();
    let write = |role, principal_type| Asked { action: WRITE, role, principal_type };
    assert!(allows("AND", "OR", write(owner, "ServicePrincipal")));
    assert!(allows("'ServicePrincipal'", "'ServicePrincipal', 'User'", write(&pull, "User")));
    assert!(allows("roleAssignments/write'", "roleAssignments/read'", write(owner, "User")));
    let delete = Asked { action: DELETE, role: owner, principal_type: "User" };
    assert!(allows(")\nAND\n(", ")\nOR\n(", delete));
}
