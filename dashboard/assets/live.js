// Keeps a page as new as the database: hears from /live which parts changed, fetches the page again and changes in place
// only what differs, so that focus, selection and scrolling stay. The page works without it.
(() => {
  'use strict';
  const root = document.documentElement;
  root.classList.add('scripted');

  // Tables on the whole screen.
  document.addEventListener('click', (event) => {
    const button = event.target instanceof Element && event.target.closest('[data-full]');
    if (!button) return;
    if (document.fullscreenElement) document.exitFullscreen();
    else button.closest('.table').requestFullscreen().catch(() => {});
  });
  if (!document.fullscreenEnabled) root.classList.add('no-full');

  const main = document.querySelector('main[data-live]');
  const box = document.getElementById('live');
  const parts = main ? main.dataset.live.split(' ').filter(Boolean) : [];
  if (!box || !parts.length || !('EventSource' in window)) return;
  const [says, toggle, every, refresh] = ['says', 'switch', 'every', 'refresh'].map((name) => document.getElementById(`live-${name}`));
  const kept = (name, value) => {
    try {
      if (value !== undefined) localStorage.setItem(`live-${name}`, value);
      return localStorage.getItem(`live-${name}`);
    } catch {
      return null; // a browser that keeps nothing
    }
  };

  let stream = null;
  let seen = main.dataset.state || '';
  let timer = 0; // of the next update that waits
  let fallback = 0; // of updates without a stream
  let fetched = 0; // when the page was last fetched
  let due = 0; // when what changed already is told, if the page does not tell of it yet
  let under = null; // the fetch under way
  let on = kept('on') !== 'no';
  let told = '';

  const say = (state) => {
    if (state === told) return;
    told = state;
    says.textContent = box.dataset[state];
    box.dataset.now = state;
  };

  // Makes one node like another, in place.
  const become = (old, fresh) => {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(document.importNode(fresh, true));
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) {
        old.nodeValue = fresh.nodeValue;
        mark(old.parentElement);
      }
      return;
    }
    if (old.nodeName === 'FORM') return; // somebody may be writing in it
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !(old.nodeName === 'DETAILS' && name === 'open')) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value && !(old.nodeName === 'DETAILS' && name === 'open')) old.setAttribute(name, value);
    }
    const [olds, news] = [[...old.childNodes], [...fresh.childNodes]];
    news.forEach((node, index) => {
      if (index < olds.length) become(olds[index], node);
      else old.appendChild(document.importNode(node, true));
    });
    olds.slice(news.length).forEach((node) => node.remove());
  };

  // Shows for a moment what changed.
  const mark = (element) => {
    const place = element && element.closest('td, th, dd, tspan');
    if (!place) return;
    place.classList.add('changed');
    setTimeout(() => place.classList.remove('changed'), 1500);
  };

  const update = async () => {
    clearTimeout(timer);
    timer = 0;
    if (under) under.abort();
    under = new AbortController();
    const mine = under;
    fetched = Date.now();
    box.setAttribute('aria-busy', 'true');
    try {
      const answer = await fetch(location.href, { signal: mine.signal, headers: { Accept: 'text/html' }, redirect: 'manual' });
      if (answer.type === 'opaqueredirect' || answer.status === 401 || answer.status === 403) {
        stop();
        say('ended');
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const fresh = page.querySelector('main[data-live]');
      if (!fresh) throw new Error('no page');
      document.title = page.title;
      become(main, fresh);
      behind();
      say(fresh.dataset.away ? 'away' : on ? 'on' : 'off');
    } catch (error) {
      if (error.name !== 'AbortError') say('away');
    } finally {
      if (under === mine) {
        under = null;
        box.removeAttribute('aria-busy');
      }
    }
  };

  // Not more often than the reader wants, however often something changes.
  const soon = () => {
    if (timer) return;
    const wait = Math.max(fetched + Number(every.value) * 1000, due) - Date.now();
    timer = setTimeout(update, Math.max(wait, 0));
  };

  // The page may have been put together of what was read a moment before something changed.
  const behind = () => {
    due = main.dataset.again ? Date.now() + Number(main.dataset.again) : 0;
    if (due && on && !document.hidden) soon();
  };

  const start = () => {
    if (stream || !on || document.hidden) return;
    clearInterval(fallback);
    stream = new EventSource(`${box.dataset.address}?since=${encodeURIComponent(seen)}`);
    stream.addEventListener('open', () => say('on'));
    if (due) soon();
    stream.addEventListener('change', (event) => {
      if (event.lastEventId) seen = event.lastEventId;
      const { changed, away } = JSON.parse(event.data);
      say(away ? 'away' : 'on');
      if (away || told === 'away' || main.dataset.away || changed.some((part) => parts.includes(part))) soon();
    });
    stream.addEventListener('error', () => {
      say('lost');
      if (stream && stream.readyState === EventSource.CLOSED) {
        // Refused: the session may have ended, which the page will tell; or every place is taken. Then the page keeps itself
        // new without, and asks again later.
        stop();
        say('lost');
        update();
        fallback = setInterval(() => (on && !document.hidden ? update().then(start) : null), 60000);
      }
    });
  };

  const stop = () => {
    clearTimeout(timer);
    clearInterval(fallback);
    timer = 0;
    if (stream) stream.close();
    stream = null;
  };

  const turn = (to) => {
    on = to;
    toggle.setAttribute('aria-checked', String(on));
    if (on) start();
    else {
      stop();
      say('off');
    }
  };

  toggle.addEventListener('click', () => {
    kept('on', on ? 'no' : 'yes');
    turn(!on);
  });
  refresh.addEventListener('click', update);
  const wanted = kept('every');
  if ([...every.options].some((option) => option.value === wanted)) every.value = wanted;
  every.addEventListener('change', () => {
    kept('every', every.value);
    if (timer) {
      clearTimeout(timer);
      timer = 0;
      soon();
    }
  });
  // A page that nobody sees holds no connection; it hears what it missed when it is seen again.
  document.addEventListener('visibilitychange', () => (document.hidden ? stop() : start()));
  addEventListener('pagehide', stop);
  addEventListener('pageshow', (event) => event.persisted && start());

  box.hidden = false;
  behind();
  turn(on);
})();
