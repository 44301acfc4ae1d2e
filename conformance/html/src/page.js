
// The page: what is chosen stands in its address; a case is drawn when it is opened.
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const rows = [...document.querySelectorAll('section.rows tbody tr')];
  const cases = [...document.querySelectorAll('details.case')];
  const stages = new Map();
  const KEYS = ['mark', 'party', 'clause', 'text'];

  const chosen = () => new URLSearchParams(location.hash.slice(1));
  const choose = (changes) => {
    const now = chosen();
    for (const [key, value] of Object.entries(changes)) {
      if (value) now.set(key, value); else now.delete(key);
    }
    history.replaceState(null, '', `#${now}`);
    apply();
  };

  const select = (label, key, values) => {
    const input = make('select', { on: { change: () => choose({ [key]: input.value }) } },
      make('option', { value: '' }, `every ${label}`), values.map((value) => make('option', { value }, value)));
    return [make('label', {}, make('span', {}, label), input), input];
  };
  const attribute = (name) => [...new Set([...rows, ...cases].flatMap((one) => (one.dataset[name] || '').split(' ')).filter(Boolean))].sort();

  const [markLabel, mark] = select('verdict', 'mark', attribute('mark'));
  const [partyLabel, party] = select('party', 'party', attribute('parties'));
  const [clauseLabel, clause] = select('clause', 'clause', attribute('clauses'));
  const search = make('input', { type: 'search', placeholder: 'words of id, title or clause', on: { input: () => choose({ text: search.value }) } });
  const shown = make('output', { 'aria-live': 'polite' });
  const all = make('button', { type: 'button', on: { click: () => choose({ mark: '', party: '', clause: '', text: '' }) } }, 'show all');
  const theme = make('button', { type: 'button', class: 'theme', on: { click: () => {
    const dark = matchMedia('(prefers-color-scheme: dark)').matches;
    const now = document.documentElement.dataset.theme || (dark ? 'dark' : 'light');
    document.documentElement.dataset.theme = now === 'dark' ? 'light' : 'dark';
  } } }, 'light / dark');
  const bar = make('form', { class: 'filters', role: 'search', 'aria-label': 'Choose what is shown', on: { submit: (event) => event.preventDefault() } },
    rows.length ? [make('label', {}, make('span', {}, 'search'), search), markLabel, partyLabel, clauseLabel, all, shown] : [], theme);
  document.getElementById('main').before(bar);

  const words = new Map([...rows, ...cases].map((one) => [one, one.textContent.toLowerCase()]));
  const fits = (one, now) => {
    const has = (name, key) => !now.get(key) || (one.dataset[name] || '').split(' ').includes(now.get(key));
    return has('mark', 'mark') && has('parties', 'party') && has('clauses', 'clause')
      && (now.get('text') || '').toLowerCase().split(/\s+/).every((word) => words.get(one).includes(word));
  };

  function drawn(one) {
    if (!('drawn' in one.dataset) || stages.has(one)) return;
    const drawing = data.drawings[one.dataset.case];
    if (!drawing) return;
    const stage = new Stage(one.querySelector('.stage'), drawing, data, (line) => choose({ case: one.dataset.case, line: String(line) }));
    stages.set(one, stage);
    one.querySelector('.verbatim').open = false;
  }

  function apply() {
    const now = chosen();
    for (const [input, key] of [[mark, 'mark'], [party, 'party'], [clause, 'clause'], [search, 'text']]) {
      if (input !== document.activeElement || input !== search) input.value = now.get(key) || '';
    }
    let count = 0;
    const any = KEYS.some((key) => now.get(key));
    for (const one of rows) {
      one.hidden = any && !fits(one, now);
      count += one.hidden ? 0 : 1;
    }
    for (const one of cases) one.hidden = any && !fits(one, now) && one.dataset.case !== now.get('case');
    for (const section of document.querySelectorAll('section.rows, section.cases')) {
      const what = section.classList.contains('cases') ? 'details.case:not([hidden])' : 'tbody tr:not([hidden])';
      const within = section.querySelectorAll(what).length;
      section.querySelector('.shown').textContent = String(within);
    }
    shown.textContent = `${count} of ${rows.length} shown`;
  }

  function goToCase() {
    const now = chosen();
    const one = cases.find((known) => known.dataset.case === now.get('case'));
    if (!one) return;
    one.hidden = false;
    one.open = true;
    drawn(one);
    const line = Number(now.get('line'));
    if (line && stages.has(one)) stages.get(one).goToLine(line);
    one.scrollIntoView({ block: 'start' });
  }

  for (const one of cases) {
    one.addEventListener('toggle', () => { if (one.open) drawn(one); });
    if (one.open) drawn(one);
  }
  const known = new Map(cases.map((one) => [one.dataset.case, one]));
  for (const row of rows) {
    const cell = row.cells[1];
    if (cell && known.has(cell.textContent)) {
      const id = cell.textContent;
      cell.replaceChildren(make('a', { href: `#${new URLSearchParams({ case: id })}` }, id));
    }
  }
  addEventListener('hashchange', () => { apply(); goToCase(); });
  apply();
  goToCase();
})();
