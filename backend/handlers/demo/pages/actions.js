/** What staff may do to a meter or a shop: small forms, each with its reason and its proof. */

import * as api from './staff_api.js';
import { fieldTime, instantOf, make, serverNow, setText } from './words.js';

const HOUR_MS = 3_600_000;
const HOLD_MS = 1_200;
const dialog = document.querySelector('#dialog');
const toast = document.querySelector('#toast');
let toastTimer = 0;

export function say(text, isTrouble = false) {
  setText(toast, text);
  toast.classList.toggle('trouble', isTrouble);
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { toast.hidden = true; }, isTrouble ? 9_000 : 5_000);
}

/** Do something and say how it went; `button` rests meanwhile. */
export async function attempt(work, done, button = null) {
  if (button) button.disabled = true;
  try {
    const value = await work();
    say(typeof done === 'function' ? done(value) : done);
    return true;
  } catch (error) {
    say(error.message, true);
    return false;
  } finally {
    if (button) button.disabled = false;
  }
}

/**
 * Ask in a dialog. fields: [{name, label, type, value, hint, choices}]; submit(values) may throw:
 * the sentence then stands in the dialog and what was typed stays.
 */
export function ask({ title, lead, fields, verb, isDanger = false, submit, done }) {
  const complaint = make('p', { class: 'complaint', role: 'alert', hidden: true });
  const inputs = fields.map((field) => input(field));
  const button = make('button', { type: 'submit', class: isDanger ? 'danger' : 'primary' }, verb);
  const form = make('form', { method: 'dialog' },
    make('h2', {}, title), lead ? make('p', { class: 'lead' }, lead) : null,
    ...inputs.map((each) => each.row), complaint,
    make('div', { class: 'buttons' },
      make('button', { type: 'button', onclick: () => dialog.close() }, '取消'), button));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(inputs.map((each) => [each.name, each.value()]));
    button.disabled = true;
    complaint.hidden = true;
    try {
      const answer = await submit(values);
      dialog.close();
      say(typeof done === 'function' ? done(answer) : done);
    } catch (error) {
      setText(complaint, error.message);
      complaint.hidden = false;
      if (inputs.some((each) => each.name === 'totp')) fillTotp(form);
    } finally {
      button.disabled = false;
    }
  });
  dialog.replaceChildren(form);
  dialog.showModal();
  form.querySelector('input, textarea, select')?.focus();
  if (inputs.some((each) => each.name === 'totp')) fillTotp(form);
}

function input({ name, label, type = 'text', value = '', hint = '', choices = null }) {
  const id = `field-${name}`;
  let element;
  if (choices) {
    element = make('select', { id }, choices.map(([key, word]) => make('option', { value: key }, word)));
  } else if (type === 'long') {
    element = make('textarea', { id, rows: '2', required: true, minlength: '2', maxlength: '200' });
    element.value = value;
  } else {
    const more = name === 'totp' ? { inputmode: 'numeric', pattern: '\\d{6}', maxlength: '6', autocomplete: 'off' } : {};
    element = make('input', { id, type, required: true, ...more });
    element.value = value;
  }
  const note = make('small', { id: `${id}-note` }, hint);
  element.setAttribute('aria-describedby', note.id);
  return { name, row: make('div', { class: 'field' }, make('label', { for: id }, label), element, note), value: () => element.value.trim() };
}

/** The demo knows everybody's one-time password; a real site does not. */
async function fillTotp(form) {
  const element = form.querySelector('#field-totp');
  const note = form.querySelector('#field-totp-note');
  try {
    const { code, usable_in_s: waitS } = await api.totp();
    element.value = code;
    setText(note, waitS > 0
      ? `演示：已代填您的下一个动态口令，${waitS} 秒后可用（每个口令只能用一次）`
      : '演示：已代填您此刻的动态口令；正式环境请看本人手机上的验证器');
  } catch (error) {
    setText(note, error.message);
  }
}

const REASON = { name: 'reason', label: '原因', type: 'long' };
const TOTP = { name: 'totp', label: '动态口令' };

export const askTrip = (id, name) => ask({
  title: `断开 ${name}`, lead: '人工断电：电表断开后，只有物业人员能送电；商户会看到“物业已断电”。',
  fields: [REASON, TOTP], verb: `断开 ${name}`, isDanger: true,
  submit: ({ reason, totp }) => api.trip(id, reason, totp), done: '断电指令已下发，等待电表回读确认',
});

export const askRestore = (id, name) => ask({
  title: `给 ${name} 送电`, lead: '解除人工断电和紧急断电；欠费断电在交费后自动恢复。',
  fields: [REASON], verb: '送电', submit: ({ reason }) => api.restore(id, reason),
  done: '送电指令已下发，等待电表回读确认',
});

export const askDecision = (accountId, name) => ask({
  title: `裁定 ${name} 的欠费断电`, lead: '欠费超过上限而免断时段或送达回执还挡着断电时，由经理裁定。',
  fields: [{ name: 'trip', label: '裁定', choices: [['no', '暂不断电'], ['yes', '同意断电']] }, REASON, TOTP],
  verb: '提交裁定', isDanger: true,
  submit: ({ trip, reason, totp }) => api.decideTrip(accountId, trip === 'yes', reason, totp), done: '裁定已记录',
});

export const askKeep = (accountId, name) => ask({
  title: `为 ${name} 申请保电`, lead: '保电期间欠费不断电，最长 72 小时；须由另一人审批，10 分钟无人答复先行生效（最长 24 小时）。',
  fields: [
    { name: 'until', label: '保电至', type: 'datetime-local', value: fieldTime(serverNow() + 24 * HOUR_MS) }, REASON,
  ],
  verb: '提交申请', submit: ({ until, reason }) => api.askKeep(accountId, instantOf(until), reason),
  done: '保电申请已提交，等待另一人审批',
});

export const askFinish = (task) => ask({
  title: '办结待办', lead: task.text, fields: [{ name: 'note', label: '处理情况', type: 'long' }], verb: '办结',
  submit: ({ note }) => api.finishTask(task.task_id, note), done: '已办结',
});

export async function showBindingCode(accountId, name, button) {
  button.disabled = true;
  try {
    const issued = await api.bindingCode(accountId);
    const close = make('button', { type: 'button', class: 'primary', onclick: () => dialog.close() }, '知道了');
    dialog.replaceChildren(make('div', { class: 'form' }, make('h2', {}, `${name} 的绑定码`),
      make('p', { class: 'code' }, issued.code),
      make('p', { class: 'lead' }, `只显示这一次。${issued.valid_hours} 小时内有效，用一次即失效，最多试 ${issued.tries} 次；请当面交给商户。`),
      make('div', { class: 'buttons' }, close)));
    dialog.showModal();
  } catch (error) {
    say(error.message, true);
  } finally {
    button.disabled = false;
  }
}

/** A button that acts only after it was held: a slip of the hand must not darken a shop. */
export function holdButton(label, work) {
  const button = make('button', { class: 'danger hold', 'aria-description': '按住一秒多才会执行' }, label);
  let timer = 0;
  const begin = () => {
    if (timer || button.disabled) return;
    button.classList.add('held');
    timer = setTimeout(() => { stop(); work(button); }, HOLD_MS);
  };
  const stop = () => {
    clearTimeout(timer);
    timer = 0;
    button.classList.remove('held');
  };
  button.addEventListener('pointerdown', (event) => { if (event.button === 0) begin(); });
  button.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    begin();
  });
  for (const end of ['pointerup', 'pointerleave', 'pointercancel', 'keyup', 'blur']) button.addEventListener(end, stop);
  return button;
}
