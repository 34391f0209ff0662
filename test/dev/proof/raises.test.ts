import { readHead, sentenceOf } from '../../../src/dev/proof/raises.ts'

test('the head of a function is read to the end of its sentence, over lines, with what never comes', () => {
  const { raises, never } = readHead(`-- Raises FH400 A_CODE, B_CODE or C_CODE when it rains, 23505 when taken,
-- FH404 D_CODE; refuses with FH401 E_CODE. Lock order: FH500 F_CODE.
-- Never FH409 G_CODE, since it catches that.
create or replace function f() returns void language sql as $$
-- Raises FH422 H_CODE.
$$;
`)
  expect([...raises]).toEqual(['FH400 A_CODE', 'FH400 B_CODE', 'FH400 C_CODE', 'FH404 D_CODE'])
  expect([...never]).toEqual(['FH409 G_CODE'])
})

test('a sentence that is proposed reads as those that are there', () => {
  expect(sentenceOf(['FH404 B_CODE', 'FH400 A_CODE', 'FH404 A_CODE', 'FH404 C_CODE', 'FH404 A_CODE'])).toBe(
    'Raises FH400 A_CODE, FH404 A_CODE, B_CODE or C_CODE.',
  )
})
