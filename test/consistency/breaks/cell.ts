/** Rules of the cell's side that are not kept: how changes are numbered, and when a stamp is read. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import { createApp } from '../../../regional/app.ts'
import { modules } from '../../../regional/modules/index.ts'
import { currentStamp } from '../../../regional/platform/feed.ts'
import type { Module, Route, Services, Snapshot } from '../../../regional/platform/implement.ts'
import { testServices } from '../../support/services.ts'
import { ORDINARY_LOAD } from '../workload.ts'
import type { Break } from './index.ts'

/**
 * In the place of the clock's row stands a view of the same name. A tick takes the next number of a sequence, which
 * locks nothing, so others commit later numbers earlier.
 */
const SEQUENCE_FOR_A_CLOCK = `
  create sequence broken_clock;
  select setval('broken_clock', (select n + 1 from feed_clock where feed = 'catalogue'));
  alter table feed_clock rename to feed_clock_row;
  create view feed_clock as
    select feed, history, origin_started_at,
      case feed when 'catalogue' then (select last_value from broken_clock) else n end as n
    from feed_clock_row;
  grant select, update on feed_clock to tradewind_app;
  grant usage, select on broken_clock to tradewind_app;
  create function broken_tick() returns trigger language plpgsql as $$
  begin
    if new.feed = 'catalogue' then
      new.n := nextval('broken_clock');
      if random() < 0.3 then perform pg_sleep(random() * 0.05); end if;
    end if;
    return new;
  end $$;
  create trigger broken_tick instead of update on feed_clock
    for each row execute function broken_tick();
  insert into feed_change (feed, n, tags)
    select 'catalogue', (select last_value from broken_clock), array['bystander:0']`

export const clock: Break = {
  name: 'clock',
  about: 'changes are numbered by a sequence, not by the row that is locked until the commit',
  prepare: async (scene) => {
    await scene.query(SEQUENCE_FOR_A_CLOCK)
  },
  load: { ...ORDINARY_LOAD, writerRestMsMax: 60 },
}

/** What a busy database puts between two statements, at most. */
const BETWEEN_STATEMENTS_MS_MAX = 15

export const stamp: Break = {
  name: 'stamp',
  about: 'a read selects its stamp in a later statement than its document',
  ownCell: async (databaseUrl) => {
    const services = testServices(databaseUrl)
    const app = createApp(services, modules.map(stampedLater))
    const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }) as Server
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    return {
      url: `http://127.0.0.1:${port}`,
      close: async () => {
        server.close()
        server.closeAllConnections()
        await services.close()
      },
    }
  },
}

function stampedLater(module: Module): Module {
  return {
    ...module,
    routes: (services) =>
      module.routes(services).map((route) => routeStampedLater(route, services)),
  }
}

function routeStampedLater(route: Route, { db }: Services): Route {
  if (route.endpoint.serve.kind !== 'cached') return route
  return {
    ...route,
    handler: async (context) => {
      const snapshot = (await route.handler(context)) as Snapshot
      await delay(BETWEEN_STATEMENTS_MS_MAX * Math.random())
      return { ...snapshot, stamp: await currentStamp(db) }
    },
  }
}
