// The matrix. Only what can be seen is in the document, so that it stays quick however large it is, and
// besides that the row and the column with the cell that the keyboard is at.

/** An element with attributes, and texts or elements in it. Texts stay texts. */
function element(name, attributes = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

class Matrix {
  constructor(viewport, grid, open) {
    Object.assign(this, { viewport, grid, open, rows: [], columns: [], drawn: new Map(), at: [0, 0] });
    const draw = () => this.drawSoon();
    viewport.addEventListener("scroll", draw, { passive: true });
    new ResizeObserver(draw).observe(viewport);
    grid.addEventListener("keydown", (event) => this.key(event));
    grid.addEventListener("click", (event) => this.click(event));
    grid.addEventListener("mouseover", (event) => this.point(event));
  }

  show(model, rows, columns) {
    if (model !== this.model) this.measure(model);
    const ids = this.ids();
    Object.assign(this, { model, rows, columns });
    this.at = this.placeOf(ids);
    this.grid.setAttribute("aria-rowcount", rows.length + 1);
    this.grid.setAttribute("aria-colcount", columns.length + 1);
    this.grid.style.width = `${this.headWidth + this.columns.length * this.cell + this.lean}px`;
    this.grid.style.height = `${this.headHeight + this.rows.length * this.cell}px`;
    this.window = null;
    this.draw();
  }

  /** Whose pair the keyboard is at */
  ids() {
    const { clusters = [], registries = [] } = this.model?.data ?? {};
    return [clusters[this.rows[this.at[0]]]?.id, registries[this.columns[this.at[1]]]?.id];
  }

  /** Where that pair is now, or what is nearest to where it was */
  placeOf([clusterId, registryId]) {
    const { clusters, registries } = this.model.data;
    const find = (places, list, id, was) => {
      const found = places.findIndex((place) => list[place].id === id);
      return found < 0 ? Math.min(was, places.length - 1) : found;
    };
    return [
      find(this.rows, clusters, clusterId, this.at[0]),
      find(this.columns, registries, registryId, this.at[1]),
    ];
  }

  /** The heads are as large as the longest names need, within what the style allows. */
  measure({ data }) {
    const style = getComputedStyle(this.viewport);
    const size = (name) => parseFloat(style.getPropertyValue(name));
    const pen = document.createElement("canvas").getContext("2d");
    const [rowFont, columnFont] = [style.fontSize, style.getPropertyValue("--column-font")];
    const longest = (list, font) => {
      pen.font = `${font} ${style.fontFamily}`;
      return list.reduce((most, end) => Math.max(most, Math.ceil(pen.measureText(headText(end)).width)), 60);
    };
    const angle = (size("--angle") * Math.PI) / 180;
    this.headWidth = Math.min(longest(data.clusters, rowFont) + 28, size("--most-head-width"));
    const length = Math.min(longest(data.registries, columnFont) + 4, size("--most-head-length"));
    this.headHeight = Math.ceil(length * Math.sin(angle) + 28);
    this.lean = Math.ceil(length * Math.cos(angle));
    const room = this.viewport.parentElement.clientWidth - this.headWidth - this.lean;
    const isRoomy = data.registries.length * size("--wide-cell") < room;
    this.cell = size(isRoomy ? "--wide-cell" : "--narrow-cell");
    // Names that begin alike are told apart by their ends: what does not fit is left out in the middle.
    this.shorten = (end) => {
      const text = headText(end);
      pen.font = `${columnFont} ${style.fontFamily}`;
      const width = pen.measureText(text).width;
      if (width <= length) return text;
      const kept = Math.floor(((text.length * length) / width - 2) / 2);
      return `${text.slice(0, kept)}…${text.slice(-kept)}`;
    };
    const sizes = {
      "--cell": this.cell, "--head-width": this.headWidth, "--head-height": this.headHeight, "--head-length": length,
    };
    for (const [name, value] of Object.entries(sizes)) this.viewport.style.setProperty(name, `${value}px`);
  }

  drawSoon() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      if (this.model) this.draw();
    });
  }

  draw() {
    const { scrollTop, scrollLeft, clientWidth, clientHeight } = this.viewport;
    const hadFocus = this.grid.contains(document.activeElement);
    const rows = span(scrollTop, clientHeight - this.headHeight, this.cell, this.rows.length);
    // Columns come and go in blocks, since with each change of them all is drawn anew.
    const columns = span(scrollLeft, clientWidth - this.headWidth, this.cell, this.columns.length, 8);
    const wide = columns.join();
    if (wide !== this.window) {
      this.window = wide;
      this.drawn.clear();
      this.grid.replaceChildren(this.head(withPlace(columns, this.at[1])));
    }
    const wanted = new Set(withPlace(rows, this.at[0]));
    for (const [place, row] of this.drawn) {
      if (wanted.has(place)) continue;
      row.remove();
      this.drawn.delete(place);
    }
    for (const place of wanted) {
      if (this.drawn.has(place)) continue;
      const row = this.row(place, withPlace(columns, this.at[1]));
      this.drawn.set(place, row);
      // In the order of the matrix, for whoever has it read aloud.
      const after = [...this.drawn.keys()].filter((other) => other > place);
      const next = after.length ? this.drawn.get(Math.min(...after)) : null;
      this.grid.insertBefore(row, next);
    }
    if (hadFocus && !this.grid.contains(document.activeElement)) {
      this.current()?.focus({ preventScroll: true });
    }
  }

  head(columns) {
    const corner = element("div", { role: "columnheader", class: "corner", "aria-colindex": 1 }, "cluster");
    const heads = columns.map((column) => {
      const registry = this.model.data.registries[this.columns[column]];
      const head = element("div", {
        role: "columnheader", class: "column", title: told(registry),
        "aria-colindex": column + 2, "data-column": column, "aria-label": headLabel(registry),
      }, element("span", {}, this.shorten(registry)));
      head.style.left = `${this.headWidth + column * this.cell}px`;
      return head;
    });
    return element("div", { role: "row", class: "heads", "aria-rowindex": 1 }, corner, ...heads);
  }

  row(place, columns) {
    const cluster = this.model.data.clusters[this.rows[place]];
    const name = element("div", {
      role: "rowheader", title: told(cluster), "aria-colindex": 1, "aria-label": headLabel(cluster),
    }, headText(cluster));
    const row = element("div", { role: "row", class: "pairs", "aria-rowindex": place + 2 }, name);
    row.style.top = `${this.headHeight + place * this.cell}px`;
    row.append(...columns.map((column) => this.pair(place, column)));
    return row;
  }

  pair(row, column) {
    const [cluster, registry] = [this.rows[row], this.columns[column]];
    const { state, symbol } = this.model.pair(cluster, registry);
    const { clusters, registries } = this.model.data;
    const label = `${shown(clusters[cluster].name)}, ${shown(registries[registry].name)}: ${stateText(state)}`;
    const isHere = row === this.at[0] && column === this.at[1];
    const cell = element("div", {
      role: "gridcell", "data-state": state, "data-row": row, "data-column": column,
      "aria-colindex": column + 2, "aria-label": label, tabindex: isHere ? 0 : -1,
    }, symbol);
    cell.style.left = `${this.headWidth + column * this.cell}px`;
    return cell;
  }

  current() {
    const [row, column] = this.at;
    return this.grid.querySelector(`[data-row="${row}"][data-column="${column}"]`);
  }

  /** Moves to a cell, into sight, and gives it the keyboard. */
  go(row, column) {
    const clamp = (place, length) => Math.max(0, Math.min(place, length - 1));
    this.current()?.setAttribute("tabindex", "-1");
    this.at = [clamp(row, this.rows.length), clamp(column, this.columns.length)];
    const into = (start, size, place) => {
      const [first, last] = [place * this.cell, (place + 1) * this.cell];
      return first < start ? first : Math.max(start, last - size);
    };
    const { viewport } = this;
    const [high, wide] = [viewport.clientHeight - this.headHeight, viewport.clientWidth - this.headWidth];
    viewport.scrollTop = into(viewport.scrollTop, high, this.at[0]);
    viewport.scrollLeft = into(viewport.scrollLeft, wide, this.at[1]);
    this.draw();
    if (!this.current()) {
      this.window = null;
      this.draw();
    }
    this.current()?.setAttribute("tabindex", "0");
    this.focus();
  }

  focus() {
    this.current()?.focus({ preventScroll: true });
    this.mark(this.current());
  }

  key(event) {
    // With these the browser goes back and forth.
    if (event.altKey || (event.metaKey && event.key.startsWith("Arrow"))) return;
    const [row, column] = this.at;
    const page = Math.max(1, Math.floor((this.viewport.clientHeight - this.headHeight) / this.cell) - 1);
    const whole = event.ctrlKey || event.metaKey;
    const moves = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      Home: [whole ? 0 : row, 0],
      End: [whole ? this.rows.length - 1 : row, this.columns.length - 1],
      PageUp: [row - page, column],
      PageDown: [row + page, column],
    };
    const move = moves[event.key];
    if (move) this.go(...move);
    else if (event.key === "Enter" || event.key === " ") this.open(this.rows[row], this.columns[column]);
    else return;
    event.preventDefault();
  }

  click(event) {
    const cell = event.target.closest("[role=gridcell]");
    if (!cell) return;
    const [row, column] = [Number(cell.dataset.row), Number(cell.dataset.column)];
    this.go(row, column);
    this.open(this.rows[row], this.columns[column]);
  }

  point(event) {
    this.mark(event.target.closest("[role=gridcell]"));
  }

  /** Of a cell that is looked at: which its heads are, and why it is as it is. */
  mark(cell) {
    for (const marked of this.grid.querySelectorAll(".pointed")) marked.classList.remove("pointed");
    if (!cell) return;
    const { why } = this.model.pair(this.rows[cell.dataset.row], this.columns[cell.dataset.column]);
    cell.title = why ? shown(why) : cell.getAttribute("aria-label");
    cell.parentElement.classList.add("pointed");
    this.grid.querySelector(`.column[data-column="${cell.dataset.column}"]`)?.classList.add("pointed");
  }
}

/** The first place in sight and the one after the last, with some more on either side, in whole blocks */
function span(start, size, step, length, block = 1) {
  const more = 4;
  const first = Math.floor((start / step - more) / block) * block;
  const end = Math.ceil(((start + Math.max(size, 0)) / step + more) / block) * block;
  return [Math.max(0, first), Math.min(length, end)];
}

function withPlace([first, end], place) {
  const places = Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
  if (place >= 0 && (place < first || place >= end)) places.push(place);
  return places.sort((a, b) => a - b);
}

// A head that has a question mark says what is not known of it.
const headText = ({ name, unseen }) => (unseen ? `? ${shown(name)}` : shown(name));
const headLabel = ({ name, unseen }) => (unseen ? `${shown(name)}, not all seen: ${shown(unseen)}` : shown(name));

/** A cluster or registry in some lines, for whoever points at it */
function told(end) {
  const tags = Object.entries(end.tags).map((tag) => shown(tagText(tag)));
  const lines = [shown(end.id), ...tags];
  if (end.unseen) lines.unshift(shown(end.unseen));
  return lines.join("\n");
}
