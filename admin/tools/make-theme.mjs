// Makes src/theme.css (variables) and src/states.ts (words and shapes) from design/tokens.json.
import { readFileSync, writeFileSync } from 'node:fs'

const here = new URL('.', import.meta.url)
const tokens = JSON.parse(readFileSync(new URL('../../design/tokens.json', here), 'utf8'))
const { brand, color, state, radius, space, font } = tokens

const lines = [
  // Element Plus reads these; html:root goes before its own :root wherever its sheets are loaded.
  ['--el-color-primary', brand.color],
  ...[3, 5, 7, 8, 9].map((step) => [`--el-color-primary-light-${step}`, brand[`color-light-${step}`]]),
  ['--el-color-primary-dark-2', brand['color-dark']],
  ['--el-color-success', color.good],
  ['--el-color-warning', color.warn],
  ['--el-color-danger', color.bad],
  ['--el-color-error', color.bad],
  ['--el-color-info', color.muted],
  ['--el-text-color-primary', color.ink],
  ['--el-text-color-regular', color.ink],
  ['--el-text-color-secondary', color.muted],
  ['--el-text-color-placeholder', color.placeholder],
  ['--el-border-radius-base', radius.base],
  ['--el-font-family', font.family],
  ...Object.entries(brand).filter(([name]) => name !== 'name').map(([name, value]) => [`--brand-${name}`, value]),
  ...Object.entries(color).map(([name, value]) => [`--${name}`, value]),
  ...Object.entries(state).flatMap(([name, one]) => [
    [`--s-${name}`, one.color],
    [`--s-${name}-ground`, one.ground],
  ]),
  ...Object.entries(radius).map(([name, value]) => [`--radius-${name}`, value]),
  ...Object.entries(space).map(([name, value]) => [`--space-${name}`, value]),
  ...Object.entries(font).map(([name, value]) => [`--font-${name}`, value]),
]
const note = 'Made by tools/make-theme.mjs from design/tokens.json.'
const css = `/* ${note} */\nhtml:root {\n${lines.map(([name, value]) => `  ${name}: ${value};`).join('\n')}\n}\n`
const words = Object.fromEntries(
  Object.entries(state).map(([name, one]) => [name, { word: one.word, shape: one.shape, color: one.color }]),
)
const ts = `// ${note}
export const STATES = ${JSON.stringify(words, null, 2)} as const
export type StateName = keyof typeof STATES
export const BRAND = ${JSON.stringify({ name: brand.name, color: brand.color })} as const
`
writeFileSync(new URL('../src/theme.css', here), css)
writeFileSync(new URL('../src/states.ts', here), ts)
