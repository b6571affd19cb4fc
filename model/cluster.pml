/* The log on Redis as it is built (src/log/redis, src/log/lease, src/node/cluster): one script, renewals that bring the changes, a primary
   whose worker serves by its lease, an engine that may lose all, a second level that keeps whatever it is given.

   One key, which each write changes. Server 0 is a gate of one process. Server 1 is the worker of another gate, whose primary is a member
   and serves nobody. A lease is known by its place: the epoch and number up to which it brought all changes. Time is one event: all leases
   older than an append have run out (xe, xn). So nothing is said of how long anything takes, and every order is tried.

   -DK1 … -DK10 take a rule out each, and must yield an assertion violation. */
#ifndef FILLS
#define FILLS 2
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef NW
#define NW 2
#endif
#define B(i) (1<<(i))

byte db, ackm;                 /* bits of the writes: done at the origin, acknowledged */
byte ep, head;                 /* the engine: its epoch, the number of the last change */
bool reg[2]; byte kn[2], since[2] = B(NW) - 1; bool early; /* its members: registered, known, renewed since the append of which writers; those of
                                  earlier epochs */
byte xe, xn;                   /* leases from before this place have run out */
byte fills = FILLS, losses = LOSSES;
bool l2has; byte l2val, l2st, l2ep;

typedef Member { byte ep, app, pl; bool ask; byte rpe, rpn }   /* `pl`: in force everywhere it answers for */
Member m[2];
typedef Server { byte ep, app; bool lease; byte lep, ln; bool has; byte val, st, sep; byte f, fv, fs, fep; bool r; byte ra }
Server s[2];
chan told = [3] of { byte, byte, byte };       /* from the primary to its worker: 0 = change, 1 = lease; epoch, number */

#define EXPIRED(e, n) (e < xe || (e == xe && n < xn))
#define LEASED(k) (s[k].lease && !EXPIRED(s[k].lep, s[k].ln))
#define CURRENT(k) (s[k].has && s[k].sep == s[k].ep && s[k].st == s[k].app)

#ifdef L2
#define STORED(k) s[k].f = 3
#else
#define STORED(k) s[k].f = 0; s[k].fv = 0; s[k].fs = 0; s[k].fep = 0
#endif

inline taken(k, e, n) {        /* server k puts the changes up to there in force; of another epoch: begins there */
  if
  :: s[k].ep != e -> s[k].ep = e; s[k].app = n
#ifdef K5
     ; s[k].sep = e; s[k].st = n
#endif
  :: s[k].ep == e && s[k].app < n -> s[k].app = n
  :: else
  fi;
  if :: s[k].has && !CURRENT(k) -> s[k].has = 0; s[k].val = 0; s[k].st = 0; s[k].sep = 0 :: else fi
}

proctype ServerP(byte k) {
  do
#ifdef K4
#define MAY(k) s[k].lease
#else
#define MAY(k) LEASED(k)
#endif
#ifdef LATE
  /* a request arrives and is let to the cache; it is answered later */
  :: d_step { !s[k].r && MAY(k) -> s[k].r = 1; s[k].ra = ackm }
  :: d_step { s[k].r && CURRENT(k) -> assert((s[k].ra & ~s[k].val) == 0); s[k].r = 0; s[k].ra = 0 }
  :: d_step { s[k].r && !CURRENT(k) -> s[k].r = 0; s[k].ra = 0 }
#else
  :: d_step { MAY(k) && CURRENT(k) && (ackm & ~s[k].val) -> assert(false) }
#endif
#ifdef L2
  /* the second level, whose value keeps its stamp */
  :: d_step { MAY(k) && l2has && !(s[k].has && s[k].val == l2val && s[k].st == l2st && s[k].sep == l2ep) &&
#ifndef K8
     l2ep == s[k].ep && l2st == s[k].app
#else
     l2ep == s[k].ep
#endif
     -> assert((ackm & ~l2val) == 0); s[k].has = 1; s[k].val = l2val; s[k].st = l2st; s[k].sep = l2ep }
#endif
  :: d_step { s[k].f == 0 && fills > 0 -> fills--; s[k].f = 1; s[k].fs = s[k].app; s[k].fep = s[k].ep }
  :: d_step { s[k].f == 1 -> s[k].fv = db; s[k].f = 2 }
  :: d_step { s[k].f == 2 ->
     if
#ifdef K9
     :: true -> s[k].has = 1; s[k].val = s[k].fv; s[k].st = s[k].app; s[k].sep = s[k].ep; STORED(k)
#else
     :: s[k].fep == s[k].ep && s[k].fs == s[k].app -> s[k].has = 1; s[k].val = s[k].fv; s[k].st = s[k].fs; s[k].sep = s[k].fep; STORED(k)
#endif
     :: else -> s[k].f = 0; s[k].fv = 0; s[k].fs = 0; s[k].fep = 0
     fi }
#ifdef L2
  :: d_step { s[k].f == 3 -> l2has = 1; l2val = s[k].fv; l2st = s[k].fs; l2ep = s[k].fep; s[k].f = 0; s[k].fv = 0; s[k].fs = 0; s[k].fep = 0 }
#endif
  :: (ackm == B(NW) - 1 && fills == 0 && s[k].f == 0 && !s[k].r) -> break
  od }

/* A gate of one process renews: the script, then its answer, which may be late. */
proctype Alone() {
  do
  :: d_step { !m[0].ask -> m[0].ask = 1; reg[0] = 1; since[0] = B(NW) - 1; m[0].rpe = ep; m[0].rpn = head;
     if :: m[0].ep == ep && m[0].pl > kn[0] -> kn[0] = m[0].pl :: else fi }
  :: d_step { m[0].ask -> m[0].ask = 0;
     if
     :: m[0].rpe < m[0].ep -> skip                       /* of a log that has ended here */
     :: else ->
#ifdef K2
        if :: m[0].rpe != m[0].ep -> taken(0, m[0].rpe, m[0].rpn); m[0].app = m[0].rpn :: else fi; m[0].ep = m[0].rpe; m[0].pl = m[0].app;
#else
        if :: m[0].rpe != m[0].ep || m[0].app < m[0].rpn -> m[0].app = m[0].rpn :: else fi;
        m[0].ep = m[0].rpe; taken(0, m[0].rpe, m[0].app); m[0].pl = m[0].app;
#endif
        s[0].lease = 1; s[0].lep = m[0].rpe; s[0].ln = m[0].rpn
     fi; m[0].rpe = 0; m[0].rpn = 0 }
  /* it fell too far behind, or its machine slept: it leaves, and joins anew */
  :: d_step { m[0].ep == ep && reg[0] && !m[0].ask -> s[0].lease = 0; reg[0] = 0; kn[0] = 0 }
  :: (ackm == B(NW) - 1) -> break
  od }

/* A primary renews likewise, tells its worker of the changes and then of the lease, and confirms what the worker has. */
proctype Primary() {
  do
  :: d_step { !m[1].ask -> m[1].ask = 1; reg[1] = 1; since[1] = B(NW) - 1; m[1].rpe = ep; m[1].rpn = head;
     if :: m[1].ep == ep &&
#ifdef K3
        m[1].app > kn[1] -> kn[1] = m[1].app
#else
        m[1].pl > kn[1] -> kn[1] = m[1].pl
#endif
     :: else fi }
  :: d_step { m[1].ask && len(told) < 2 -> m[1].ask = 0;
     if
     :: m[1].rpe < m[1].ep -> skip
     :: else ->
#ifdef K6
        told ! 1, m[1].rpe, m[1].rpn;
#endif
        if
        :: m[1].rpe != m[1].ep || m[1].app < m[1].rpn -> if :: m[1].rpe != m[1].ep -> m[1].pl = 0 :: else fi;
           m[1].ep = m[1].rpe; m[1].app = m[1].rpn; told ! 0, m[1].rpe, m[1].rpn
        :: else
        fi
#ifndef K6
        ; told ! 1, m[1].rpe, m[1].rpn
#endif
     fi; m[1].rpe = 0; m[1].rpn = 0 }
#ifdef K10
  :: d_step { m[1].ep == ep && reg[1] && !m[1].ask -> reg[1] = 0; kn[1] = 0 }
#endif
  :: (ackm == B(NW) - 1) -> break
  od }

proctype Worker() { byte kind, e, n;
  do
  :: d_step { told ? kind, e, n ->
     if
     :: kind == 0 -> taken(1, e, n); if :: m[1].ep == e && m[1].pl < n -> m[1].pl = n :: else fi
     :: else -> s[1].lease = 1; s[1].lep = e; s[1].ln = n
     fi; kind = 0; e = 0; n = 0 }
  :: (ackm == B(NW) - 1 && len(told) == 0) -> break
  od }

proctype Writer(byte w) { byte p, pe, mm; bool old;
  db = db | B(w);
  /* the script: the change, and who may serve without knowing it */
  d_step { head++; p = head; pe = ep; mm = (reg[0] -> 1 : 0) + (reg[1] -> 2 : 0); since[0] = since[0] & ~B(w); since[1] = since[1] & ~B(w); old = early };
#ifndef K1
  if
  /* all have said that they know it */
  :: (pe == ep && !old && (!(mm & 1) || kn[0] >= p) && (!(mm & 2) || kn[1] >= p)) -> skip
#ifdef K7
  :: (pe == ep && (!(mm & 1) || kn[0] >= p) && (!(mm & 2) || kn[1] >= p)) -> skip   /* those of earlier epochs are forgotten */
#endif
  /* or the time of a lease has passed since */
  :: d_step { true -> if :: pe > xe || (pe == xe && p > xn) -> xe = pe; xn = p :: else fi;
     if :: pe == ep && old -> early = 0 :: else fi;
#ifdef K11
     if :: pe == ep && (mm & 1) && kn[0] < p -> reg[0] = 0 :: else fi;
     if :: pe == ep && (mm & 2) && kn[1] < p -> reg[1] = 0 :: else fi
#else
     if :: pe == ep && (mm & 1) && kn[0] < p && !(since[0] & B(w)) -> reg[0] = 0 :: else fi;
     if :: pe == ep && (mm & 2) && kn[1] < p && !(since[1] & B(w)) -> reg[1] = 0 :: else fi
#endif
     }
  fi;
#endif
  d_step { ackm = ackm | B(w); since[0] = since[0] | B(w); since[1] = since[1] | B(w); p = 0; pe = 0; mm = 0; old = 0 } }

/* The engine loses all that it had, or is another: an epoch begins, and nobody is known but that there were some. */
proctype Loss() {
  do
  :: d_step { losses > 0 && ep < 2 -> losses--; ep++; head = 0; reg[0] = 0; reg[1] = 0; kn[0] = 0; kn[1] = 0; early = 1 }
  :: break
  od }

init { atomic {
#ifndef NOALONE
  run ServerP(0); run Alone();
#endif
#ifndef NOPOOL
  run ServerP(1); run Primary(); run Worker();
#endif
  run Writer(0);
#if NW > 1
  run Writer(1);
#endif
#if LOSSES > 0
  run Loss()
#endif
  } }
