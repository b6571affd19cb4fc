// npm run sim -- --seeds 2000 | --seed N | --mutants [NAME]   [--first N] [--json FILE]
import { live } from './afterwards.ts';
import { World } from './world.ts';
const first = Number(process.argv[2] ?? 1), last = Number(process.argv[3] ?? first);
const t=performance.now(); const kinds=new Map<string,number[]>(); let ev=0,rq=0;
for (let s=first;s<=last;s++){ const w=new World(s, first===last?console.log:undefined); await live(w); ev+=w.tally.of('events'); rq+=w.tally.of('requests');
 for(const v of w.violations){ const k=v.fault+': '+v.sentence.replace(/\d+/g,'N'); if(!kinds.has(k))kinds.set(k,[]); const l=kinds.get(k)!; if(l.at(-1)!==s) l.push(s);} }
console.log(performance.now()-t,ev,rq); for(const [k,l] of [...kinds].sort((a,b)=>b[1].length-a[1].length)) console.log(l.length,k,l.slice(0,8).join(' '));
