"""Past-tense facts. One module a subject; `registry` is the closed table of kinds, `codec` their payloads."""
