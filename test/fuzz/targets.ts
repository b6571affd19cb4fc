import { ANSWER_TARGETS } from './targets/answers.ts';
import { OPERATOR_TARGETS } from './targets/operators.ts';
import { REQUEST_TARGETS } from './targets/requests.ts';
import { STORED_TARGETS } from './targets/stored.ts';

export const TARGETS = [...REQUEST_TARGETS, ...ANSWER_TARGETS, ...OPERATOR_TARGETS, ...STORED_TARGETS];
