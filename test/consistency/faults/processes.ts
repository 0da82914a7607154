/** Cells, backends and the whole of Postgres, killed and started again. */
import type { Fault } from './index.ts'

const BETWEEN_MS = [500, 1_200] as const
const DOWN_MS = [50, 1_200] as const

export const cellRestart: Fault = {
  name: 'cell-restart',
  about: 'the cell is killed and started again',
  run: (scene) =>
    scene.repeatedly(BETWEEN_MS, async () => {
      await scene.cells.kill(0)
      await scene.rest(...DOWN_MS)
      await scene.cells.start(0)
    }),
}

export const backendKilled: Fault = {
  name: 'backend-killed',
  about: 'kill -9 of a Postgres backend, upon which Postgres ends all of them and recovers',
  run: (scene) =>
    scene.repeatedly(BETWEEN_MS, async () => {
      const backends = await scene
        .query<{ pid: number }>(
          `select pid from pg_stat_activity
           where datname = current_database() and pid <> pg_backend_pid()`,
        )
        // It is still recovering from the last time.
        .catch(() => [])
      if (backends.length > 0) scene.postgres.killBackend(scene.random.pick(backends).pid)
    }),
}

export const postgresKilled: Fault = {
  name: 'postgres-killed',
  about: 'kill -9 of every process of Postgres, which is started again',
  run: (scene) =>
    scene.repeatedly(BETWEEN_MS, async () => {
      await scene.postgres.kill()
      await scene.rest(...DOWN_MS)
      await scene.postgres.start()
    }),
}

export const twoCells: Fault = {
  name: 'two-cells',
  about: 'two cell processes in turn behind one address, one of them always just started',
  cells: 2,
  run: (scene) =>
    scene.repeatedly(BETWEEN_MS, async () => {
      await scene.cells.kill(1)
      await scene.cells.start(1)
    }),
}
