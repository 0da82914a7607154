/** The audit log's endpoint. */
import { contracts } from '../../../shared/contracts/index.ts'
import { auditPage } from '../../platform/audit-log.ts'
import { implement } from '../../platform/implement.ts'

export const routes = implement(contracts.audit, () => ({
  listAudit: ({ db, actor, query }) => auditPage(db, actor, query),
}))
