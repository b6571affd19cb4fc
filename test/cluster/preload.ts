// Loaded into a member before all else: makes the mutant of it that the environment names.

import { editSources } from '../sim/source-edits.ts';
import { MUTANT_VARIABLE, mutantOf } from './mutants.ts';

editSources(mutantOf(process.env[MUTANT_VARIABLE]).edits);
