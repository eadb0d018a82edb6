"""VERIFY.md: how to check a bundle by hand. The same in every bundle, so that nobody can slip other commands in."""

TEXT = r"""# How to check this bundle

You need the log's **verifier key** (vkey), which whoever runs the store gave you by another way: on paper, in a
contract, long ago. A key out of this bundle proves nothing.

## All of it

    python3 verify_bundle.py BUNDLE --key VKEY

`verify_bundle.py` is one file of a few hundred lines, and needs Python 3.11 with the packages `cryptography` and
`msgpack`. Take it from the storectl package rather than from whoever handed you the bundle. `storectl audit verify`
does the same. Exit 0: everything holds; 3: something does not; 7: it could not be checked.

`manifest.json` says what the bundle shows. **completeness**: every event between two times is here, with its
neighbour on each side, and the proof covers them all in one piece, so that nothing in between was left out.
**inclusion**: each event here is in the log; others that you asked for may have been left out.

## By hand, with openssl

The commands check the log's signature, one event's signature, and that the event is in the log. Unpack into a new
directory:

```sh
mkdir unpacked
tar -xf "$BUNDLE" -C unpacked
cd unpacked
```

The log's public key, out of the verifier key:

```sh
(printf '\060\052\060\005\006\003\053\145\160\003\041\000'
 printf '%s' "${VKEY#*+*+}" | openssl base64 -d -A | tail -c 32) | openssl pkey -pubin -inform DER -out log.pem
```

The checkpoint is a signed note: three lines, an empty one, and signatures. One of those under the log's name has to
verify. (After a change of the log key, `verify_bundle.py` follows from the old key to the new one; here, use the vkey
of now.)

```sh
head -n 3 checkpoint > checkpoint.text
ORIGIN=$(head -n 1 checkpoint)
grep -- "^— $ORIGIN " checkpoint | while read -r _ _ SIGNATURE; do
  printf '%s' "$SIGNATURE" | openssl base64 -d -A | tail -c 64 > checkpoint.sig
  openssl pkeyutl -verify -rawin -pubin -inkey log.pem -sigfile checkpoint.sig -in checkpoint.text
done
```

The file `event` is the record of one event. Its hash, joined with those in `event.tlog-proof`, gives the checkpoint's
root hash (RFC 6962). Two lines are printed; they have to be the same:

```sh
sha256() { openssl dgst -sha256 -binary; }
(printf '\000'; cat event) | sha256 > node
INDEX=$(sed -n 's/^index //p' event.tlog-proof)
LAST=$(($(sed -n 2p checkpoint) - 1))
sed '1,2d;/^$/,$d' event.tlog-proof | while read -r HASH; do
  printf '%s' "$HASH" | openssl base64 -d -A > sibling
  if [ $((INDEX % 2)) = 1 ] || [ "$INDEX" = "$LAST" ]; then
    (printf '\001'; cat sibling node) | sha256 > next
    while [ $((INDEX % 2)) = 0 ] && [ "$INDEX" != 0 ]; do INDEX=$((INDEX / 2)); LAST=$((LAST / 2)); done
  else
    (printf '\001'; cat node sibling) | sha256 > next
  fi
  mv next node
  INDEX=$((INDEX / 2)); LAST=$((LAST / 2))
done
openssl base64 -A -in node; echo
sed -n 3p checkpoint
```

The event's signature. The key of the events stands in the log's first event, the first line of `keys.jsonl` (later
lines change keys: then the key that signed this event is in one of those):

```sh
head -n 1 keys.jsonl | sed 's/.*"record": "//; s/".*//' | openssl base64 -d -A > first
AT=$(LC_ALL=C grep -abo 'event_key' first | head -n 1 | cut -d: -f1)
(printf '\060\052\060\005\006\003\053\145\160\003\041\000'
 tail -c +$((AT + 12)) first | head -c 32) | openssl pkey -pubin -inform DER -out event.pem
SKIP=4; [ "$(od -An -tx1 -j1 -N1 event | tr -d ' ')" = c5 ] && SKIP=5
head -c $(($(wc -c < event) - 72)) event | tail -c +$SKIP > event.body
(printf 'DSSEv1 41 application/vnd.storectl.event.v1+msgpack %d ' "$(wc -c < event.body)"; cat event.body) > event.pae
tail -c 64 event > event.sig
openssl pkeyutl -verify -rawin -pubin -inkey event.pem -sigfile event.sig -in event.pae
```

## By hand, with spicy

`spicy` (of torchwood, formerly litetlog) does the checkpoint and the inclusion proof in one step; it reads
`event.spicy`:

    spicy -verify "$VKEY" event
"""
