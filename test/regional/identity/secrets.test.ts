/** What must be nowhere once it has served: passwords, tokens and links in no table and no log, addresses where they belong. */
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCellProcess } from '../../support/cell-process.ts'
