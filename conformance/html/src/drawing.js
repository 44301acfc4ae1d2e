// Draws what happened: lanes as columns, time downwards, a call as a bar from call to return.
// Only what is in sight is in the document, so that a long trace is as quick as a short one.
'use strict';

const ROW = 28;
const GUTTER = 104;
/** A lane's width: what there is, between these. */
const NARROWEST = 180;
const WIDEST = 340;
/** Rows beyond the edge that are drawn, too. */
const BEYOND = 12;
/** Rows that are printed at most. */
const PRINTED = 3000;

/** An element with its attributes and children; text is only ever text. */
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'on') {
      for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    } else if (name === 'style') {
      Object.assign(element.style, value);
    } else {
      element.setAttribute(name, value === true ? '' : value);
    }
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

function laneOf(event) {
  return event.lane ?? event.expired ?? null;
}

function kindOf(event) {
  for (const kind of ['call', 'return', 'callback', 'ended', 'touch', 'wrote', 'expired', 'statement', 'report', 'blocked', 'exit', 'unload']) {
    if (kind in event) return kind;
  }
  return 'other';
}

/** The event without its lane, which the column tells. */
function brief(event) {
  switch (kindOf(event)) {
    case 'call': {
      const command = event.args && event.args.command;
      const what = event.as ?? (typeof command === 'string' ? command : null);
      return `${event.call}${what ? ` ${what}` : ''} on ${event.on}`;
    }
    case 'return': return `${event.return}${event.out && event.out.command ? ` ${event.out.command}` : ''}`;
    case 'callback': return `${event.callback} ${event.completion}`;
    case 'ended': return `callback of ${event.ended} ends`;
    case 'touch': return `touches ${event.touch}: ${event.found}`;
    case 'wrote': return `writes into ${event.wrote}`;
    case 'expired': return `time passes${event.after === undefined ? '' : `: ${event.after} ms`}`;
    case 'statement': return `SQL statement: ${event.statement}`;
    case 'report': return `reports ${event.report}`;
    case 'blocked': return event.blocked.length ? `at rest, still in a call: ${event.blocked.join(', ')}` : 'at rest, no call open';
    case 'exit': return `${event.process} exits`;
    case 'unload': return `${event.process} unloads the library: ${event.unload}`;
    default: return JSON.stringify(event);
  }
}

/** The event in a sentence. */
function sentence(event) {
  const lane = laneOf(event);
  switch (kindOf(event)) {
    case 'call': return `${lane} calls ${brief(event)}`;
    case 'return': return `${lane} returns ${brief(event)}`;
    case 'callback': return `callback of ${event.callback} with ${event.completion} on ${lane}`;
    default: return lane ? `${lane}: ${brief(event)}` : brief(event);
  }
}

/** Rows, lanes and bars of a drawing. */
function modelOf(drawing) {
  const rows = [];
  const rowOfLine = new Map();
  const effects = new Map();
  for (const effect of drawing.order) {
    if (!effects.has(effect.after)) effects.set(effect.after, []);
    effects.get(effect.after).push(effect);
  }
  const addEffects = (line) => {
    for (const effect of effects.get(line) || []) rows.push({ effect, line, lane: effect.lane ?? null });
  };
  drawing.events.forEach((event, index) => {
    const line = drawing.lines[index];
    rowOfLine.set(line, rows.length);
    rows.push({ event, index, line, kind: kindOf(event), lane: laneOf(event) });
    addEffects(line);
  });
  const names = new Set(rows.map((row) => row.lane).filter((lane) => lane !== null));
  const lanes = [...names].sort((a, b) => (b.startsWith('server') - a.startsWith('server')) || (a < b ? -1 : 1));
  const bars = new Map(lanes.map((lane) => [lane, []]));
  const open = new Map(lanes.map((lane) => [lane, []]));
  rows.forEach((row, at) => {
    if (row.kind === 'call' || (row.kind === 'callback' && row.event.held)) {
      const stack = open.get(row.lane);
      const bar = { start: at, end: null, depth: stack.length, lane: row.lane };
      stack.push(bar);
      bars.get(row.lane).push(bar);
      row.bar = bar;
    } else if (row.kind === 'return' || row.kind === 'ended') {
      const bar = open.get(row.lane).pop();
      if (bar) {
        bar.end = at;
        row.bar = bar;
      }
    } else if (row.lane !== null) {
      row.inside = open.get(row.lane).length;
    }
  });
  for (const list of bars.values()) {
    let furthest = -1;
    for (const bar of list) {
      furthest = Math.max(furthest, bar.end ?? Infinity);
      bar.furthest = furthest;
    }
  }
  const verdict = drawing.verdict;
  const wrong = verdict.verdict === 'violation' ? rowOfLine.get(verdict.line) ?? rows.length - 1 : null;
  const findings = new Map();
  for (const finding of drawing.findings) {
    if (!findings.has(finding.line)) findings.set(finding.line, []);
    findings.get(finding.line).push(finding);
  }
  const times = new Map(drawing.times || []);
  return { drawing, rows, lanes, bars, rowOfLine, wrong, findings, times };
}

/** The bars of a lane that reach into these rows. */
function barsWithin(list, from, to) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].furthest < from) low = middle + 1; else high = middle;
  }
  const found = [];
  for (let at = low; at < list.length && list[at].start <= to; at += 1) {
    if ((list[at].end ?? Infinity) >= from) found.push(list[at]);
  }
  return found;
}

function partyOf(lane) {
  return lane.startsWith('server') ? 'server' : lane.startsWith('primary') ? 'primary' : 'secondary';
}

/** A clause with its sentence and sources. */
function clauseBox(id, data) {
  const clause = data.clauses[id];
  if (!clause) return make('p', { class: 'clause' }, make('code', {}, id));
  return make('div', { class: 'clause' },
    make('p', {}, make('code', {}, id), ` binds the ${clause.party}`),
    make('p', { class: 'demand' }, clause.demand),
    make('ul', { class: 'sources' }, clause.sources.map((source) => make('li', {}, source))));
}

/** A machine with the current state marked, by a word and a frame. */
function machine(label, states, current) {
  return make('div', { class: 'machine' }, make('span', { class: 'of' }, label),
    make('ol', {}, states.map((state) => make('li', state === current
      ? { class: 'current', 'aria-current': 'true' } : {}, state))));
}

const STAGES = [
  [/^(\S+) (\S+) queued$/, () => 'the server has sent it; it waits in the queue'],
  [/^(\S+) (\S+) delivered$/, () => 'the client has it, and its buffer'],
  [/^(\S+) (\S+) completed with (.+), not called back$/, (m) => `completed with ${m[3]}; the interface has it, until the agent calls back`],
  [/^(\S+) (\S+) refused with (.+), not called back$/, (m) => `refused with ${m[3]}, not called back yet`],
];

/** Whether the diagrams are shown: at the next step, too. */
let diagramsOpen = false;

/** The state diagrams, which the page has once, with the current state of each marked. */
function diagrams(current) {
  const kept = document.getElementById('diagrams');
  if (!kept) return null;
  const box = make('details', { class: 'diagrams' }, make('summary', {}, 'As diagrams'));
  const fill = () => {
    if (box.childElementCount > 1) return;
    const drawn = [...kept.content.cloneNode(true).querySelectorAll('svg')];
    drawn.forEach((svg, at) => {
      const marked = [...svg.querySelectorAll('[data-state]')].filter((part) => part.dataset.state === current[at]);
      marked.forEach((part) => part.classList.add('current'));
      svg.setAttribute('aria-label', `${svg.getAttribute('aria-label')}: now ${current[at]}`);
    });
    box.append(...drawn);
  };
  box.open = diagramsOpen;
  if (diagramsOpen) fill();
  box.addEventListener('toggle', () => { diagramsOpen = box.open; if (box.open) fill(); });
  return box;
}

/** A set and its state: machines, devices, commands with who has them, and what is left in words. */
function setBox(words, data) {
  const [name, ...parts] = words;
  const box = make('div', { class: 'set' }, make('h5', {}, `Set ${name}`));
  const devices = [];
  const commands = [];
  const rest = [];
  const current = [];
  for (const part of parts) {
    const [kind, value] = [part.split(' ')[0], part.slice(part.indexOf(' ') + 1)];
    const at = ['set', 'server', 'client'].indexOf(kind);
    const device = /^device (\d+) ([^/]+)\/(.+)$/.exec(part);
    const stage = STAGES.map(([form, tell]) => { const m = form.exec(part); return m && [m, tell(m)]; }).find(Boolean);
    if (at >= 0 && data.machines[at].includes(value)) {
      box.append(machine(kind, data.machines[at], value));
      current[at] = value;
    } else if (device) {
      devices.push(device);
    } else if (stage) {
      commands.push(stage);
    } else {
      rest.push(part);
    }
  }
  if (current.length === 3) box.append(diagrams(current) ?? '');
  if (devices.length) {
    box.append(make('table', {}, make('caption', {}, 'Devices'),
      make('thead', {}, make('tr', {}, ['device', 'server', 'client'].map((head) => make('th', { scope: 'col' }, head)))),
      make('tbody', {}, devices.slice(0, 64).map(([, number, server, client]) => make('tr', {},
        make('th', { scope: 'row' }, number), make('td', {}, server), make('td', {}, client))))));
  }
  if (commands.length) {
    box.append(make('table', {}, make('caption', {}, 'Commands, and who has them'),
      make('tbody', {}, commands.slice(0, 64).map(([m, told]) => make('tr', {},
        make('th', { scope: 'row' }, m[1]), make('td', {}, m[2]), make('td', {}, told))))));
  }
  if (rest.length) box.append(make('p', { class: 'rest' }, rest.join(' · ')));
  return box;
}

/** The words of a set; most are written by their difference from the one before. */
function wordsOf(drawing, set) {
  let first = set;
  while (drawing.sets[first][0] === 1) first -= 1;
  let numbers = drawing.sets[first].slice(1);
  for (let at = first + 1; at <= set; at += 1) {
    const [, front, back, ...between] = drawing.sets[at];
    numbers = [...numbers.slice(0, front), ...between, ...numbers.slice(numbers.length - back)];
  }
  return numbers.map((number) => drawing.words[number]);
}

function stateBox(model, row, data) {
  const { drawing, rows } = model;
  let at = rows.indexOf(row);
  while (at < rows.length && !rows[at].event) at += 1;
  const number = at < rows.length ? drawing.before[rows[at].index] : undefined;
  const box = make('section', { class: 'state' }, make('h4', {}, 'The state before'));
  if (number === undefined) {
    const told = model.wrong !== null && row === rows[model.wrong] ? drawing.verdict.state : null;
    box.append(told ? setBox(['', ...told.split(' · ')], data) : make('p', {}, 'is not told here.'));
    return box;
  }
  const sets = drawing.states[number];
  if (sets.length === 0) box.append(make('p', {}, 'There is no set yet.'));
  for (const set of sets) box.append(setBox(wordsOf(drawing, set), data));
  return box;
}

/** What was allowed, each with its clause; one that is told already is only named. */
function allowedList(allowed, data, told) {
  return make('ul', { class: 'allowed' }, allowed.map((one) => make('li', {}, make('strong', {}, one.what),
    one.clause === told ? [' ', make('code', {}, one.clause)] : clauseBox(one.clause, data))));
}

/** What is wrong in the row of the verdict, and what was allowed there. */
function verdictBox(verdict, data) {
  const box = make('section', { class: 'wrong' },
    make('h4', {}, 'Here it first became impossible'),
    make('dl', {}, make('dt', {}, 'got'), make('dd', {}, verdict.got)),
    clauseBox(verdict.clause, data));
  if (verdict.expected.length) {
    box.append(make('h4', {}, 'What was allowed here'), allowedList(verdict.expected, data, verdict.clause));
  }
  for (const attempt of verdict.attempts || []) {
    box.append(make('details', { class: 'attempt' }, make('summary', {}, 'One order of effects that explains all before'),
      make('p', {}, attempt.state),
      attempt.lanes.map((lane) => make('div', {}, make('p', {}, `${lane.lane} inside ${lane.call}, since line ${lane.line}${lane.taken ? ', which has taken effect' : ''}, could:`), allowedList(lane.could, data)))));
  }
  return box;
}

/** Arguments and results, name by name. */
function argumentsBox(title, values) {
  const entries = Object.entries(values || {});
  if (entries.length === 0) return null;
  const told = (value) => (typeof value === 'object' ? JSON.stringify(value) : String(value));
  return make('section', {}, make('h4', {}, title), make('dl', { class: 'arguments' },
    entries.map(([name, value]) => [make('dt', {}, name), make('dd', {}, told(value))])));
}

/** What is to be known of a row, beside the drawing. */
function detailsOf(model, row, data) {
  const { drawing, rows, findings, times } = model;
  const parts = [];
  if (row.effect) {
    parts.push(make('h3', {}, `After line ${row.line}: takes effect`), make('p', { class: 'sentence' }, `${row.lane ? `${row.lane}: ` : ''}${row.effect.what}`));
    if (row.effect.clause) parts.push(clauseBox(row.effect.clause, data));
  } else {
    const { event } = row;
    const time = times.get(row.line);
    parts.push(make('h3', {}, `Line ${row.line}${time === undefined ? '' : ` · ${time} ms`}`), make('p', { class: 'sentence' }, sentence(event)));
    if (rows[model.wrong] === row) parts.push(verdictBox(drawing.verdict, data));
    for (const finding of findings.get(row.line) || []) {
      parts.push(make('section', { class: 'finding' }, make('h4', {}, `${finding.hazard ? 'Hazard' : 'Misuse'} by the ${finding.party}`), make('p', {}, finding.what), clauseBox(finding.clause, data)));
    }
    const { bar } = row;
    const call = bar && rows[bar.start].event;
    if (call && call !== event) parts.push(make('p', { class: 'of-call' }, `of ${brief(call)}, called in line ${rows[bar.start].line}`));
    parts.push(argumentsBox('Arguments', (call || event).args), argumentsBox('Gives', event.out));
    if (bar) {
      const line = rows[bar.start].line;
      const taken = drawing.order.filter((effect) => effect.call === line);
      for (const effect of taken.slice(0, 4)) {
        parts.push(make('section', {}, make('h4', {}, `Took effect after line ${effect.after}`), make('p', {}, effect.what), effect.clause ? clauseBox(effect.clause, data) : null));
      }
      if (bar.end === null) {
        parts.push(make('p', { class: 'never' }, 'It has not returned.'));
        const ends = drawing.open.find((open) => open.line === line);
        if (ends) parts.push(make('h4', {}, ends.hadTo ? 'It has to end:' : 'It is ended by'), allowedList(ends.ends, data));
      }
    }
  }
  parts.push(stateBox(model, row, data));
  return parts;
}

const HELP = [
  ['↓ ↑ or j k', 'the next, the one before'],
  ['n p', 'the next on this lane, the one before'],
  ['m', 'from a call to its return, and back'],
  ['v', 'where it became impossible'],
  ['Home End', 'the first, the last'],
];

/** A drawing in its place: stepping, hovering, scrolling. */
class Stage {
  constructor(place, drawing, data, moved) {
    this.model = modelOf(drawing);
    this.data = data;
    this.moved = moved;
    this.current = this.model.wrong ?? 0;
    const { lanes, rows } = this.model;
    const each = Math.floor((place.clientWidth - 414 - 20 - GUTTER) / Math.max(1, lanes.length));
    this.lane = Math.max(NARROWEST, Math.min(WIDEST, each));
    this.wide = GUTTER + Math.max(1, lanes.length) * this.lane;
    this.said = make('p', { class: 'said', 'aria-live': 'polite' });
    this.canvas = make('div', { class: 'canvas', style: { height: `${rows.length * ROW}px`, width: `${this.wide}px` } });
    this.viewport = make('div', { class: 'viewport', tabindex: '0', role: 'group', 'aria-label': 'What happened, lane by lane; arrow keys step', on: {
      scroll: () => this.soon(),
      keydown: (event) => this.key(event),
      mouseover: (event) => this.hover(event),
      mouseleave: () => this.show(this.current),
      click: (event) => this.click(event),
    } },
      make('div', { class: 'lanes', style: { width: `${this.wide}px` } }, make('span', { class: 'line', style: { width: `${GUTTER}px` } }, 'line'),
        lanes.map((lane) => make('span', { class: partyOf(lane), style: { width: `${this.lane}px` }, title: lane }, lane))),
      this.canvas);
    this.aside = make('aside', { class: 'details', 'aria-label': 'The event in detail', tabindex: '0' });
    place.append(this.toolbar(), make('div', { class: 'split' }, this.viewport, this.aside), this.said);
    this.viewport.style.height = `min(68vh, 720px, ${rows.length * ROW + 60}px)`;
    this.draw();
    this.go(this.current, true);
    window.addEventListener('beforeprint', () => this.draw(0, PRINTED));
    window.addEventListener('afterprint', () => this.draw());
  }

  toolbar() {
    const button = (label, title, act) => make('button', { type: 'button', title, 'aria-label': title, on: { click: act } }, label);
    this.position = make('span', { class: 'position' });
    const verdict = this.model.wrong === null ? null : button('✗ where it became impossible', 'Where it became impossible', () => this.go(this.model.wrong));
    return make('div', { class: 'toolbar' },
      button('first', 'The first', () => this.go(0)),
      button('◀ before', 'The one before', () => this.go(this.current - 1)),
      button('next ▶', 'The next', () => this.go(this.current + 1)),
      button('last', 'The last', () => this.go(this.model.rows.length - 1)),
      verdict, this.position,
      make('details', { class: 'keys' }, make('summary', {}, 'keys'), make('dl', {}, HELP.map(([keys, what]) => [make('dt', {}, keys), make('dd', {}, what)]))),
      make('span', { class: 'legend' }, '▮ call to return   ◆ callback   ● takes effect   ✗ impossible'));
  }

  soon() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => { this.pending = false; this.draw(); });
  }

  top(row) { return `${row * ROW}px`; }

  left(lane) { return GUTTER + this.model.lanes.indexOf(lane) * this.lane; }

  /** Draws these rows, or those in sight. */
  draw(from, to) {
    const { rows, lanes, bars } = this.model;
    const height = this.viewport.clientHeight || 480;
    const first = from ?? Math.max(0, Math.floor(this.viewport.scrollTop / ROW) - BEYOND);
    const last = Math.min(rows.length - 1, to ?? Math.ceil((this.viewport.scrollTop + height) / ROW) + BEYOND);
    const [behind, before] = [[], []];
    for (let at = first; at <= last; at += 1) {
      behind.push(this.row(at));
      before.push(this.mark(at));
    }
    for (const lane of lanes) {
      for (const bar of barsWithin(bars.get(lane), first, last)) behind.push(this.bar(bar));
    }
    this.canvas.replaceChildren(...behind, ...before.filter(Boolean));
  }

  bar(bar) {
    const { rows, wrong } = this.model;
    const end = bar.end ?? rows.length - 1;
    const { event } = rows[bar.start];
    const width = this.lane - 12 - bar.depth * 12;
    const returned = bar.end === null || rows[bar.start].kind === 'callback' ? null : rows[bar.end].event;
    const impossible = bar.end !== null && bar.end === wrong;
    const good = returned && returned.return === 'NOERROR' && !impossible;
    return make('div', {
      class: `bar ${partyOf(bar.lane)}${bar.end === null ? ' unended' : ''}`,
      'data-row': bar.start,
      style: { top: `${bar.start * ROW + 3}px`, left: `${this.left(bar.lane) + 4 + bar.depth * 12}px`, width: `${width}px`, height: `${(end - bar.start + 1) * ROW - 6}px` },
    },
    make('div', { class: 'hold' }, make('span', { class: 'name', title: sentence(event) }, rows[bar.start].kind === 'callback' ? `◆ ${brief(event)}` : brief(event))),
    returned ? make('span', { class: `returned${good ? '' : ' other'}`, 'data-row': bar.end, title: sentence(returned) }, `${impossible ? '✗ ' : ''}${brief(returned)}`) : null);
  }

  row(at) {
    const { rows, wrong, findings } = this.model;
    const row = rows[at];
    const marked = row.event && findings.has(row.line);
    const classes = ['row', at === this.current ? 'current' : '', at === wrong ? 'impossible' : '', row.effect ? 'effect' : '', row.kind === 'blocked' ? 'blocked' : ''];
    const sign = at === wrong ? '✗ ' : marked ? '⚠ ' : '';
    const rest = row.kind === 'blocked' ? ' at rest' : '';
    return make('div', { class: classes.filter(Boolean).join(' '), 'data-row': at, style: { top: this.top(at), width: `${this.wide}px` } },
      make('span', { class: 'line' }, `${sign}${row.effect ? '·' : row.line}${rest}`));
  }

  /** What stands on a lane at a row, or across all of them. */
  mark(at) {
    const row = this.model.rows[at];
    const drawnAsBar = row.bar !== undefined && (row.kind === 'call' || row.kind === 'return' || row.kind === 'callback');
    if (drawnAsBar || row.kind === 'blocked') return null;
    const inside = row.lane === null ? 0 : row.inside || 0;
    const left = row.lane === null ? GUTTER : this.left(row.lane) + 10 + inside * 8;
    const sign = row.effect ? '● ' : row.kind === 'callback' ? '◆ ' : '';
    const text = row.effect ? row.effect.what : brief(row.event);
    return make('span', {
      class: `mark ${row.effect ? 'effect' : row.kind}`, 'data-row': at, title: text,
      style: { top: this.top(at), left: `${left}px`, width: row.lane === null ? `${this.wide - GUTTER - 16}px` : `${this.lane - 20 - inside * 8}px` },
    }, sign + text);
  }

  rowOf(event) {
    const element = event.target.closest('[data-row]');
    return element ? Number(element.dataset.row) : null;
  }

  hover(event) {
    const row = this.rowOf(event);
    if (row !== null && row !== this.shown) this.show(row);
  }

  click(event) {
    const row = this.rowOf(event);
    if (row !== null) this.go(row);
  }

  show(at) {
    this.shown = at;
    const row = this.model.rows[at];
    if (row) this.aside.replaceChildren(...detailsOf(this.model, row, this.data).filter(Boolean));
  }

  /** Makes a row the current one. */
  go(to, quietly) {
    const { rows } = this.model;
    const at = Math.max(0, Math.min(rows.length - 1, to));
    const row = rows[at];
    if (!row) return;
    this.current = at;
    const head = 34;
    const { scrollTop, clientHeight } = this.viewport;
    if (at * ROW < scrollTop || (at + 1) * ROW + head > scrollTop + clientHeight) {
      this.viewport.scrollTop = Math.max(0, at * ROW - clientHeight / 2);
    }
    this.draw();
    this.show(at);
    this.position.textContent = `${at + 1} of ${rows.length}`;
    if (quietly) return;
    this.said.textContent = row.effect ? `after line ${row.line}, takes effect: ${row.effect.what}` : `line ${row.line}: ${sentence(row.event)}`;
    this.moved(row.line);
  }

  goToLine(line) {
    const at = this.model.rowOfLine.get(line);
    if (at !== undefined) this.go(at, true);
  }

  onLane(step) {
    const { rows } = this.model;
    const { lane } = rows[this.current];
    for (let at = this.current + step; at >= 0 && at < rows.length; at += step) {
      if (rows[at].lane === lane) return at;
    }
    return this.current;
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.viewport.clientHeight / ROW) - 2);
    const { bar } = this.model.rows[this.current] || {};
    const to = {
      ArrowDown: this.current + 1, j: this.current + 1, ArrowUp: this.current - 1, k: this.current - 1,
      PageDown: this.current + page, PageUp: this.current - page, Home: 0, End: this.model.rows.length - 1,
      n: () => this.onLane(1), p: () => this.onLane(-1),
      m: bar ? (bar.start === this.current ? bar.end ?? this.current : bar.start) : this.current,
      v: this.model.wrong ?? this.current,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.go(typeof to === 'function' ? to() : to);
  }
}
