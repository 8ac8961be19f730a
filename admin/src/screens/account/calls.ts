/** The calls of opening and importing, one function each. */
import { api, take, type Schemas } from '../../api/client'

export type Choices = Schemas['OpeningChoices']
export type FreeMeter = Schemas['FreeMeter']
export type Opened = Schemas['Opened']
export type ImportCheck = Schemas['ImportCheck']
export type Imported = Schemas['Imported']

/** An id is text, with more digits than a number holds; in an address it goes as it is. */
const id = (text: string) => text as never

export const loadChoices = () => take(api.GET('/api/v1/staff/opening-choices'))
export const openAccount = (body: Schemas['Opening']) => take(api.POST('/api/v1/staff/accounts', { body }))
export const loadSheet = (accountId: string) =>
  take(api.GET('/api/v1/staff/accounts/{account_id}/opening', { params: { path: { account_id: id(accountId) } } }))
export const issueBindingCode = (accountId: string) =>
  take(api.POST('/api/v1/staff/accounts/{account_id}/binding-codes', { params: { path: { account_id: id(accountId) } } }))
export const reissueDoorCode = (shopId: string, reason: string) =>
  take(api.POST('/api/v1/staff/shops/{shop_id}/door-codes', { params: { path: { shop_id: id(shopId) } }, body: { reason } }))

export const loadDraft = () => take(api.GET('/api/v1/staff/opening-draft'))
export const saveDraft = (content: Record<string, unknown>) => take(api.PUT('/api/v1/staff/opening-draft', { body: { content: content as never } }))
export const dropDraft = () => take(api.DELETE('/api/v1/staff/opening-draft'))

export const sendCode = (phone: string) => take(api.POST('/api/v1/staff/contact-checks', { body: { phone } }))
export const tryCode = (checkId: string, code: string) =>
  take(
    api.POST('/api/v1/staff/contact-checks/{contact_check_id}/tries', {
      params: { path: { contact_check_id: id(checkId) } },
      body: { code },
    }),
  )

export const askReading = (meterId: string) =>
  take(api.POST('/api/v1/staff/meters/{meter_id}/reads', { params: { path: { meter_id: id(meterId) } } }))
export const followReading = (requestId: string) =>
  take(api.GET('/api/v1/staff/reads/{read_request_id}', { params: { path: { read_request_id: id(requestId) } } }))

export const loadPractice = () => take(api.GET('/api/v1/staff/practice-shop'))
export const makePractice = () => take(api.POST('/api/v1/staff/practice-shop'))

const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'

/** The file itself is the body; the document knows of no body there. */
function fileBody(file: File) {
  return { body: file as unknown as undefined, bodySerializer: () => file, headers: { 'Content-Type': XLSX } }
}

export const checkImport = (file: File): Promise<ImportCheck> =>
  take<ImportCheck>(api.POST('/api/v1/staff/import-checks', fileBody(file) as never) as never)
export const runImport = (file: File, requestId: string): Promise<Imported> =>
  take<Imported>(
    api.POST('/api/v1/staff/imports', {
      ...fileBody(file),
      params: { query: { request_id: requestId, file_name: file.name.slice(0, 128) } },
    } as never) as never,
  )
