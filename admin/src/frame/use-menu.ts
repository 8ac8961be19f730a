import { computed } from 'vue'
import { useRouter } from 'vue-router'
import { opens } from '../router'
import { useSession } from '../stores/session'
import { MENU, type Group } from './menu'

/** The menu of the person at the page: screens that are there and that their rights open. */
export function useMenu() {
  const router = useRouter()
  const session = useSession()

  function isOpen(path: string): boolean {
    const target = router.resolve(path)
    return target.name !== 'not-found' && opens(target.meta.permission, session.can)
  }

  return computed<Group[]>(() =>
    MENU.map((group) => ({ ...group, entries: group.entries.filter((one) => isOpen(one.path)) })).filter((group) =>
      group.path ? isOpen(group.path) : group.entries.length > 0,
    ),
  )
}
