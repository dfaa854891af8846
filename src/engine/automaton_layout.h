/* SPDX-License-Identifier: MIT */
/* What the builder and the readers of an automaton agree on. Slot 0 is never a state. */
#pragma once

#define AUTOMATON_ROOT 1u
/* In `base`: a literal ends here, or (Aho-Corasick) a suffix of this state is one. */
#define AUTOMATON_OUTPUT 0x80000000u
