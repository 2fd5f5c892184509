// The scenario of test/e2e/22, with a gigabyte in the database: QUORATE_E2E_DATABASE_MIB says how much (scripts/test.mjs sets it).
import '../e2e/22-restore.test.ts';
