// How servers of PostgreSQL are made here: as users have them, and not as the environment of the test happens to say. Where it
// names no locale, initdb takes an encoding that no feed follows.

export const INITDB_FLAGS: readonly string[] = ['--encoding=UTF8', '--locale=C.UTF-8'];
