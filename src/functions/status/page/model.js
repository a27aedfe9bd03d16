"use strict";

// What is shown, as values: no element of the page is touched here.

const STATES = [
  { name: "attached", symbol: "●", means: "ours, by a rule" },
  { name: "pinned", symbol: "◆", means: "ours, kept by a command" },
  { name: "foreign", symbol: "○", means: "made by someone else" },
  { name: "missing", symbol: "+", means: "wanted, and not attached yet" },
  { name: "extra", symbol: "−", means: "ours, and wanted by no rule" },
  { name: "held", symbol: "!", means: "something stands against it" },
  { name: "unknown", symbol: "?", means: "not all that it depends on was seen" },
];
const SYMBOLS = new Map(STATES.map((state) => [state.name, state.symbol]));
const NOTHING = { state: "none", symbol: "" };

// Whoever may write a tag may write anything into it: what a reader would not see is written out.
function shown(text) {
  return String(text).replace(
    /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const stateText = (state) => (state === "none" ? "not attached" : state);

const NUMBER = new Intl.NumberFormat("en");
const MODES = { observe: "changes nothing", "attach-only": "attaches, and removes nothing", sync: "attaches and removes" };
const plural = (count, one, many = `${one}s`) => `${NUMBER.format(count)} ${count === 1 ? one : many}`;

/** The document with what is asked of it again and again looked up once. */
class Model {
  constructor(data) {
    this.data = data;
    this.pairs = new Map();
    for (const pair of data.pairs) this.pairs.set(this.key(pair.cluster, pair.registry), pair);
    this.counts = { ...data.counts };
    for (const { state } of this.unlisted()) this.counts[state] += 1;
    const byName = (list) => list.map((_, place) => place).sort((a, b) => compare(list[a], list[b]));
    this.clusters = byName(data.clusters);
    this.registries = byName(data.registries);
    const ends = [...data.clusters, ...data.registries];
    this.subscriptions = [...new Set(ends.map((end) => end.subscription))].sort();
    this.tags = [...new Set(ends.flatMap((end) => Object.entries(end.tags).map(tagText)))].sort();
  }

  key(cluster, registry) {
    return cluster * this.data.registries.length + registry;
  }

  /** How a pair is; of one that is not listed nothing is to be said, or nothing is known. */
  pair(cluster, registry) {
    const pair = this.pairs.get(this.key(cluster, registry));
    if (pair) return { ...pair, symbol: SYMBOLS.get(pair.state) ?? "?" };
    const unseen = this.data.clusters[cluster].unseen ?? this.data.registries[registry].unseen;
    return unseen ? { state: "unknown", symbol: "?", why: unseen } : NOTHING;
  }

  /** The pairs that are not listed and yet not known to be unattached, since an end was not all seen */
  *unlisted() {
    const places = this.data.registries.map((_, place) => place);
    const unseen = places.filter((place) => this.data.registries[place].unseen);
    for (const [cluster, end] of this.data.clusters.entries()) {
      for (const registry of end.unseen ? places : unseen) {
        if (!this.pairs.has(this.key(cluster, registry))) yield { cluster, registry, state: "unknown" };
      }
    }
  }

  /**
   * The clusters and registries that a filter leaves, by name. Whoever matches is shown with all that it
   * is paired with; where there is nothing to pair it with, with everything, since why not may be asked.
   */
  filtered(filter) {
    const { clusters, registries, pairs } = this.data;
    if (isEmpty(filter)) return { rows: this.clusters, columns: this.registries };
    const asksForEnds = Boolean(filter.text || filter.tag || filter.subscription);
    const matches = (end) => matchesText(end, filter.text) && matchesTag(end, filter.tag)
      && (!filter.subscription || end.subscription === filter.subscription);
    const rows = new Set();
    const columns = new Set();
    const asksForStates = filter.states.size > 0;
    const isRow = clusters.map(matches);
    const isColumn = registries.map(matches);
    const keep = ({ cluster, registry, state }) => {
      if (asksForStates && !filter.states.has(state)) return;
      if (!isRow[cluster] && !isColumn[registry]) return;
      rows.add(cluster);
      columns.add(registry);
    };
    for (const pair of pairs) keep(pair);
    for (const pair of this.unlisted()) keep(pair);
    if (asksForEnds && !asksForStates) {
      isRow.forEach((is, place) => is && rows.add(place));
      isColumn.forEach((is, place) => is && columns.add(place));
      if (rows.size && !columns.size) registries.forEach((_, place) => columns.add(place));
      if (columns.size && !rows.size) clusters.forEach((_, place) => rows.add(place));
    }
    return {
      rows: this.clusters.filter((place) => rows.has(place)),
      columns: this.registries.filter((place) => columns.has(place)),
    };
  }

  /** A cluster's pairs: first those about which there is something to say. */
  pairsOf(cluster, columns) {
    const pairs = columns.map((registry) => ({ registry, ...this.pair(cluster, registry) }));
    const [said, others] = [[], []];
    for (const pair of pairs) (pair.state === "none" ? others : said).push(pair);
    return { said, others };
  }

  /** A rule, with what the policy says it is for */
  rule(name) {
    const { description } = this.data.rules.find((rule) => rule.name === name) ?? {};
    return `rule \`${name}\`${description ? ` (${description})` : ""}`;
  }
}

function compare(a, b) {
  const [x, y] = [a.name.toLowerCase(), b.name.toLowerCase()];
  if (x !== y) return x < y ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

function matchesText(end, text) {
  return !text || end.name.toLowerCase().includes(text) || (end.login_server ?? "").toLowerCase() === text;
}

// `team` asks for the tag, `team=shop` for its value. Names have no letter case; values do. A name may
// hold a `=` itself: what is suggested finds whoever has it.
function matchesTag(end, tag) {
  if (!tag || Object.entries(end.tags).some((entry) => tagText(entry) === tag)) return true;
  const [, name, value] = /^([^=]*)=?([^]*)$/.exec(tag);
  const wanted = name.trim().toLowerCase();
  return Object.hasOwn(end.tags, wanted) && (!tag.includes("=") || [value, value.trimEnd()].includes(end.tags[wanted]));
}

const tagText = ([name, value]) => `${name}=${value}`;

/** How long ago, in whole units that a person would say */
function ago(seconds) {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 2 * 3600) return plural(Math.floor(seconds / 60), "minute");
  if (seconds < 2 * 86400) return plural(Math.floor(seconds / 3600), "hour");
  return plural(Math.floor(seconds / 86400), "day");
}

// The filter stands in the address, so that a view can be passed on.

function isEmpty({ text, tag, subscription, states }) {
  return !text && !tag && !subscription && states.size === 0;
}

function filterOf(fragment) {
  const said = new URLSearchParams(fragment.replace(/^#/, ""));
  const known = (said.get("state") ?? "").split(",").filter((name) => SYMBOLS.has(name));
  return {
    text: (said.get("text") ?? "").toLowerCase(),
    tag: said.get("tag") ?? "",
    subscription: said.get("subscription") ?? "",
    states: new Set(known),
  };
}

function fragmentOf(filter) {
  const said = new URLSearchParams();
  if (filter.text) said.set("text", filter.text);
  if (filter.tag) said.set("tag", filter.tag);
  if (filter.subscription) said.set("subscription", filter.subscription);
  if (filter.states.size) said.set("state", [...filter.states].join(","));
  return said.toString();
}
