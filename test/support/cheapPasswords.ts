import type pg from 'pg'

/**
 * Lets a password cost a thousandth of what it should in this database, where otherwise a third of all time of the tests went.
 * The function is created again with the same text but for the cost.
 */
export async function makePasswordsCheap(superuser: pg.Pool): Promise<void> {
  await superuser.query(`
    do $$
    declare
      v_true  text := pg_get_functiondef('app_private.hash_password'::regproc);
      v_cheap text := replace(v_true, 'gen_salt(''bf'', 10)', 'gen_salt(''bf'', 4)');
    begin
      if v_cheap = v_true then
        raise exception 'hash_password names its cost otherwise: correct test/support/cheapPasswords.ts';
      end if;
      execute v_cheap;
    end $$`)
}
