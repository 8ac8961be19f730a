/** The start page of the demonstration: doors to every role and phone, and switches of the world. */

const MOST_LINES = 30;
const state = await load();
const select = (id) => document.querySelector(`#${id}`);

async function load() {
  const answer = await fetch('/state', { cache: 'no-store' });
  if (!answer.ok) throw new Error('演示还没有准备好，请稍后刷新');
  return answer.json();
}

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function log(text, isTrouble) {
  const at = new Date().toLocaleTimeString('zh-CN', { hour12: false, timeZone: 'Asia/Shanghai' });
  const line = make('li', isTrouble ? { class: 'trouble' } : {}, make('time', {}, at), text);
  select('log').prepend(line);
  while (select('log').children.length > MOST_LINES) select('log').lastChild.remove();
}

const ACTS = {
  drain: () => ['/drain', { shop: select('shop').value }],
  overload: () => ['/overload', { shop: select('shop').value, on: true }],
  relieve: () => ['/overload', { shop: select('shop').value, on: false }],
  pay: () => ['/pay', { shop: select('shop').value, fen: 5000 }],
  scan: () => ['/scan', { shop: select('shop').value }],
  cut: () => ['/gateway', { code: select('gateway').value, gone: true }],
  heal: () => ['/gateway', { code: select('gateway').value, gone: false }],
};

async function act(button) {
  const [path, body] = ACTS[button.dataset.act]();
  button.disabled = true;
  button.setAttribute('aria-busy', 'true');
  try {
    const answer = await fetch(path, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
    });
    const { sentence } = await answer.json();
    log(sentence, !answer.ok);
  } catch {
    log('没有得到答复：演示可能已经停止', true);
  } finally {
    button.disabled = false;
    button.removeAttribute('aria-busy');
  }
}

for (const role of state.roles) {
  select('roles').append(make('li', {}, make('a', { class: 'button', href: role.address, target: '_blank', rel: 'noopener' },
    make('b', {}, role.name), make('span', {}, role.can))));
}
select('shop').append(...state.shops.map((shop) => make('option', { value: shop.code }, `${shop.code} ${shop.name}（${shop.person}）`)));
select('gateway').append(...state.gateways.map((each) => make('option', { value: each.code }, `${each.code} ${each.name}`)));
function linkPhone() {
  const shop = state.shops.find((each) => each.code === select('shop').value);
  if (shop) select('phone-link').href = shop.phone;
}
select('shop').addEventListener('change', linkPhone);
for (const button of document.querySelectorAll('button[data-act]')) button.addEventListener('click', () => act(button));
linkPhone();
