//! Thousands of random policies and worlds: what holds in all of them.

use super::*;
use crate::policy::{Effect, Rule};

/// Numbers that look random and are the same every time
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[usize::try_from(self.roll(from.len() as u64)).unwrap()]
    }
}

const TAGS: [&str; 4] = ["acr-attach", "team", "stage", "names"];
const VALUES: [&str; 9] =
    ["", " ", "a", "b", "auto", "disabled", "images", "tools, IMAGES", "a,images-h4sh.azurecr.io"];
const GROUPS: [&str; 3] = ["rg", "other", "third"];

fn test(dice: &mut Dice) -> String {
    match dice.roll(8) {
        0 => "{present: true}".to_owned(),
        1 => "{absent: true}".to_owned(),
        2 => format!("{{glob: '{}*'}}", dice.pick(&["", "a", "i"])),
        3 => format!("{{not: '{}'}}", dice.pick(&VALUES)),
        4 => format!("['{}', '{}']", dice.pick(&VALUES), dice.pick(&VALUES)),
        _ => format!("'{}'", dice.pick(&VALUES)),
    }
}

fn selector(dice: &mut Dice, depth: u64) -> String {
    match dice.roll(6 + depth) {
        0 => format!("{{resource_group: {}}}", dice.pick(&GROUPS)),
        1 => format!("{{any: [{}, {}]}}", tags_asked(dice), tags_asked(dice)),
        2 => format!("{{not: {}}}", tags_asked(dice)),
        3 => "{subscription: 11111111-1111-1111-1111-111111111111}".to_owned(),
        _ => tags_asked(dice),
    }
}

fn tags_asked(dice: &mut Dice) -> String {
    format!("{{tags: {{{}: {}}}}}", dice.pick(&TAGS), test(dice))
}

/// A rule that may be refused, as a line of YAML
fn rule(dice: &mut Dice, name: usize) -> String {
    let effect = if dice.roll(4) == 0 { ", effect: veto" } else { "" };
    let mut side = |name: &str| {
        let asks = dice.roll(3) > 0;
        if asks { format!(", {name}: {}", selector(dice, 2)) } else { String::new() }
    };
    let text = format!("- {{name: r{name}{effect}{}{}", side("cluster"), side("registry"));
    let joins: Vec<_> = (0..dice.roll(3)).map(|_| join(dice)).collect();
    format!("{text}, join: [{}]}}\n", joins.join(", "))
}

fn join(dice: &mut Dice) -> String {
    match dice.roll(3) {
        0 => format!("{{registry_named_in: {}}}", dice.pick(&TAGS)),
        1 => format!("{{same_tag: {}}}", dice.pick(&TAGS)),
        _ => format!(
            "{{same_tag: {{cluster: {}, registry: {}}}}}",
            dice.pick(&TAGS),
            dice.pick(&TAGS)
        ),
    }
}

/// Some rules, of those that are not refused
fn rules(dice: &mut Dice) -> Vec<String> {
    let mut found = Vec::new();
    while found.len() < 4 {
        let rule = rule(dice, found.len());
        let text = format!("owner: o\nmode: observe\nrules:\n{rule}");
        if Policy::parse("policy.yaml", &text).is_ok() {
            found.push(rule);
        }
    }
    found
}

fn tagged(dice: &mut Dice) -> Tags {
    let mut tags = Vec::new();
    for name in TAGS {
        if dice.roll(3) > 0 {
            tags.push((name, dice.pick(&VALUES)));
        }
    }
    tags.into_iter().collect()
}

/// Clusters and registries, two of which have one name
fn world(dice: &mut Dice) -> (Vec<Cluster>, Vec<Registry>) {
    let clusters = (0..4).map(|number| {
        let id = cluster("").id.to_string();
        let id = id.replace("/rg/", &format!("/{}/", dice.pick(&GROUPS)));
        let id = id.replace("aks1", &format!("aks{number}")).parse().unwrap();
        let tenant = (dice.roll(4) == 0).then(|| Uuid::from_u128(u128::from(dice.roll(2))));
        Cluster { id, tenant, tags: tagged(dice), ..cluster("") }
    });
    let clusters = clusters.collect();
    let mut registries = vec![registry(""), namesake()];
    let tools = registry("").id.to_string().replace("Images", "tools").parse().unwrap();
    registries.push(Registry {
        id: tools,
        login_server: "tools.azurecr.io".into(),
        ..registry("")
    });
    for registry in &mut registries {
        registry.tags = tagged(dice);
        registry.tenant = (dice.roll(4) == 0).then(|| Uuid::from_u128(u128::from(dice.roll(2))));
    }
    // One of a name, more often than not
    if dice.roll(3) > 0 {
        registries.remove(1);
    }
    (clusters, registries)
}

/// What is decided about every pair, one by one
fn decisions(policy: &Policy, clusters: &[Cluster], registries: &[Registry]) -> Vec<String> {
    let names = RegistryNames::new(registries.iter());
    let pairs = registries
        .iter()
        .flat_map(|registry| clusters.iter().map(move |cluster| (cluster, registry)));
    pairs.map(|(cluster, registry)| told(&policy.decision(cluster, registry, &names))).collect()
}

#[test]
fn what_is_looked_up_or_known_of_the_sides_is_what_is_found_pair_by_pair() {
    let mut dice = Dice(1);
    let mut counts = [0; 3];
    for _ in 0..4_000 {
        let policy = policy(&rules(&mut dice).concat());
        let (clusters, registries) = world(&mut dice);
        let names = RegistryNames::new(registries.iter());
        let places =
            (policy.stands_of_clusters(&clusters), policy.stands_of_registries(&registries));
        let found = policy.candidates(&places.0, &places.1);
        let mut expected = Vec::new();
        for (r, registry) in registries.iter().enumerate() {
            for (c, cluster) in clusters.iter().enumerate() {
                let verdict = policy.decide(cluster, registry, &names);
                let (its, theirs) =
                    (policy.stand_of_cluster(cluster), policy.stand_of_registry(registry));
                let known = ((cluster, &its), (registry, &theirs));
                let decision = policy.decision_between(known.0, known.1, &names);
                assert_eq!(decision, verdict.decision, "{policy:#?}\n{cluster:#?}\n{registry:#?}");
                let fits = verdict.trace.iter().any(|step| {
                    let attaches =
                        matches!(step.subject, Subject::Rule(Rule { effect: Effect::Attach, .. }));
                    attaches && step.outcome != Match::No
                });
                if fits {
                    expected.push((r, c));
                }
                let wanted = matches!(
                    verdict.decision,
                    Decision::Attach { .. } | Decision::Ambiguous { .. }
                );
                assert!(!wanted || fits);
                counts[usize::from(fits) + usize::from(wanted)] += 1;
            }
        }
        assert_eq!(found, expected, "{policy:#?}\n{clusters:#?}\n{registries:#?}");
    }
    assert!(counts.iter().all(|count| *count > 500), "{counts:?}");
}

#[test]
fn the_order_of_rules_and_of_the_inventory_never_matters() {
    let mut dice = Dice(2);
    for _ in 0..1_000 {
        let mut rules = rules(&mut dice);
        let (mut clusters, mut registries) = world(&mut dice);
        let one = policy(&rules.concat());
        let mut before = decisions(&one, &clusters, &registries);
        rules.reverse();
        clusters.reverse();
        registries.reverse();
        let other = policy(&rules.concat());
        assert_eq!(one, other);
        before.reverse();
        assert_eq!(before, decisions(&other, &clusters, &registries));
    }
}

#[test]
fn a_veto_more_attaches_nothing_more_and_a_wish_more_takes_nothing_away() {
    let mut dice = Dice(3);
    let (mut forbidden, mut gained) = (0, 0);
    for _ in 0..2_000 {
        let rules = rules(&mut dice);
        let (clusters, registries) = world(&mut dice);
        let all = policy(&rules.concat());
        for left_out in &rules {
            let fewer: String = rules.iter().filter(|rule| *rule != left_out).cloned().collect();
            let fewer = policy(&fewer);
            let before = decisions(&fewer, &clusters, &registries);
            let after = decisions(&all, &clusters, &registries);
            let is_veto = left_out.contains("effect: veto");
            for (before, after) in before.iter().zip(&after) {
                let attached = [before, after].map(|told| told.starts_with("attach"));
                if is_veto {
                    assert!(
                        after == before || after.starts_with("vetoed"),
                        "{before}, then {after}"
                    );
                    forbidden += usize::from(attached == [true, false]);
                } else {
                    assert!(!attached[0] || attached[1], "{before}, then {after}");
                    gained += usize::from(attached == [false, true]);
                }
            }
        }
    }
    assert!(forbidden > 50 && gained > 500, "{forbidden} {gained}");
}
