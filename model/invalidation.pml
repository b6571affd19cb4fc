/* The fill protocol (docs/architecture.md): stamps + ordered log + leases + validated L2 + crash/restart + trim.
   One cached key K. Writes 0..NW-1 each change K and append a matching record; one NOISE record does not match K.
   Mutants: -DM1 .. -DM12 each remove one rule; each must yield an assertion violation. */
#ifndef N
#define N 2
#endif
#ifndef NW
#define NW 2
#endif
#ifndef CR
#define CR 1
#endif
#ifndef FILLS
#define FILLS 3
#endif
#ifndef LEX
#define LEX 2
#endif
#define MAXP 4
byte db, head, low, ackm, grant, mem; byte logw[MAXP];
bool l2h; byte l2v, l2s, l2ver;
byte crashes = CR; byte fills = FILLS; byte lex = LEX;
typedef Node { byte app, ver, val, st, need; bool has, lease, joined; byte dapp, dver, dval, dst; bool dhas;
  byte f, fs, fv, fa; bool j; byte ja, jp; bool jl; byte r, ra, rv, rs };
Node nd[N];
#define B(i) (1<<(i))
#define ME nd[n]
proctype NodeP(byte n) {
  do
  /* L1 hit: lease checked at the serving instant */
  :: d_step {
#ifdef M4
     ME.has && ME.st >= ME.ver
#else
     ME.lease && ME.has && ME.st >= ME.ver
#endif
     -> assert((ackm & ~ME.val) == 0) }
  /* fill: stamp taken BEFORE the origin read */
  :: d_step { ME.f==0 && fills>0 -> fills--; ME.f=1; ME.fs=ME.app; ME.j=0 }
  :: d_step { ME.f==1 -> ME.fv=db; ME.f=2;
#ifdef M1
     ME.fs=ME.app
#endif
     }
  :: d_step { ME.f==2 && fills<250 ->
#ifdef M1
     ME.fs=ME.app;
#endif
     if :: ME.j &&
#ifdef M7
        true
#else
        ME.jl && (ME.ver<=ME.fs || ME.jp<=ME.fs)
#endif
        -> assert((ME.ja & ~ME.fv)==0) :: else fi;
     if ::
#ifdef M2
        true
#else
        ME.ver<=ME.fs
#endif
        -> ME.has=1; ME.val=ME.fv; ME.st=
#ifdef M2
        (ME.fs<ME.ver -> ME.ver : ME.fs)
#else
        ME.fs
#endif
        :: else fi;
#ifdef L2
     ME.f=3
#else
     ME.f=0; ME.fs=0
#endif
     ; ME.j=0; ME.ja=0; ME.jp=0; ME.jl=0;
#ifndef L2
     ME.fv=0
#endif
     }
#ifdef L2
  :: d_step { ME.f==3 ->
     if ::
#ifdef M3
        true
#else
        l2ver<=ME.fs
#endif
        -> l2h=1; l2v=ME.fv; l2s=
#ifdef M3
        (ME.fs<l2ver -> l2ver : ME.fs)
#else
        ME.fs
#endif
        :: else fi; ME.f=0; ME.fs=0; ME.fv=0; ME.j=0; ME.ja=0; ME.jp=0; ME.jl=0 }
#endif
#ifdef JOIN
  :: d_step { (ME.f==1||ME.f==2) && !ME.j -> ME.j=1; ME.ja=ackm; ME.jp=ME.app; ME.jl=
#ifdef M8
     1
#else
     ME.lease
#endif
     }
#endif
#ifdef L2
  /* L2 read (validated atomically at the store), then serve + promote keeping the ORIGINAL stamp */
  :: d_step { ME.r==0 && l2h && l2s>=l2ver -> ME.r=1; ME.ra=ackm; ME.rv=l2v; ME.rs=l2s }
  :: d_step { ME.r==1 -> assert((ME.ra & ~ME.rv)==0);
     if ::
#ifdef M5
       true -> ME.has=1; ME.val=ME.rv; ME.st=ME.app
#else
       ME.ver<=ME.rs -> ME.has=1; ME.val=ME.rv; ME.st=ME.rs
#endif
       :: else fi; ME.r=0; ME.ra=0; ME.rv=0; ME.rs=0 }
#endif
  /* log apply, in order */
  :: d_step { ME.app<head && ME.app>=low -> ME.app++; if :: logw[ME.app-1]!=0 -> ME.ver=ME.app; if :: ME.st<ME.ver -> ME.has=0; ME.val=0; ME.st=0 :: else fi :: else fi }
#ifdef TRIM
  /* trimmed past us: flush everything (ver := head) */
  :: d_step { ME.app<low ->
#ifdef M6
     ME.app=low
#else
     ME.has=0; ME.val=0; ME.st=0; ME.app=head; ME.ver=head
#endif
     }
#endif
  /* membership and lease */
  :: d_step { !ME.joined && !(mem & B(n)) -> ME.joined=1; grant=grant|B(n); mem=mem|B(n); ME.need=head }
  :: d_step { !ME.joined && (mem & B(n)) && !ME.lease -> ME.joined=1; grant=grant|B(n); ME.need=head } /* re-register after restart or eviction */
  :: d_step { ME.joined && (grant & B(n)) && !ME.lease &&
#ifdef M9
     true
#else
     ME.app>=ME.need
#endif
     -> ME.lease=1; ME.need=0 }
  :: d_step { ME.lease && lex>0 -> lex--; ME.lease=0 }  /* expiry */
  :: d_step { ME.joined && !(grant & B(n)) && !ME.lease -> ME.joined=0 }
#if CR>0
  /* disk snapshot (one transaction) and crash */
  :: d_step { crashes>0 && (ME.dapp!=ME.app || ME.dhas!=ME.has || ME.dst!=ME.st) ->
     ME.dapp=ME.app; ME.dver=ME.ver; ME.dhas=ME.has; ME.dval=ME.val; ME.dst=ME.st }
#ifdef M10
  :: d_step { crashes>0 -> ME.dapp=ME.app; ME.dver=0 }  /* position persisted without the deletes */
#endif
  :: d_step { crashes>0 -> crashes--; ME.app=ME.dapp; ME.ver=ME.dver; ME.has=ME.dhas; ME.val=ME.dval; ME.st=ME.dst;
     ME.lease=0; ME.joined=0; ME.f=0; ME.fs=0; ME.fv=0; ME.j=0; ME.ja=0; ME.jp=0; ME.jl=0; ME.r=0; ME.ra=0; ME.rv=0; ME.rs=0; ME.need=0 }
#endif
  :: (ackm==(B(NW)-1) && fills==0 && ME.f==0 && ME.r==0 && ME.app==head) -> break
  od }
proctype Writer(byte w) { byte p, mm, i;
#ifdef M11
  atomic { head++; logw[head-1]=B(w); p=head; mm=mem; l2ver=head };  /* append before commit */
  db=db|B(w);
#else
  db=db|B(w);
  atomic { head++; logw[head-1]=B(w); p=head; mm=mem; l2ver=head };
#endif
  i=0;
  do :: i<N ->
       if :: !(mm & B(i)) -> skip
          :: (mm & B(i)) && nd[i].app>=p -> skip
#ifndef NOEVICT
          :: atomic { (mm & B(i)) && nd[i].app<p -> grant=grant & ~B(i);
#ifdef M12
             mem=mem & ~B(i)
#endif
             };
             if :: atomic { !nd[i].lease -> if :: !(grant & B(i)) -> mem=mem & ~B(i) :: else -> skip fi }
                :: nd[i].app>=p
             fi
#endif
       fi; i++
     :: i>=N -> break od;
  atomic { i=0; p=0; mm=0; ackm=ackm|B(w) } }
proctype Noise() { atomic { head++; logw[head-1]=0 } }
proctype Trim() { do :: atomic { low<head -> low++ } :: break od }
init { atomic { run NodeP(0); run NodeP(1);
#if N>2
  run NodeP(2);
#endif
  run Writer(0);
#if NW>1
  run Writer(1);
#endif
#ifdef NOISE
  run Noise();
#endif
#ifdef TRIM
  run Trim()
#endif
  } }
