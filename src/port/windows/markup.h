/* SPDX-License-Identifier: MIT */
/*
 * Where the pieces of an XML text begin and end, and whether its references are sound.
 *
 * XmlLite says where a node is by line and column of its own choosing, and Wine's XmlLite neither refuses a bare `&` nor an
 * unknown entity. This scanner knows nothing of names and nesting, which stay XmlLite's business.
 */
#pragma once

#include "port/xml.h"

enum markup_kind { MARKUP_TEXT, MARKUP_CDATA, MARKUP_START, MARKUP_END, MARKUP_OTHER /* comment, instruction */, MARKUP_DONE };

struct markup {
    const char *text;
    size_t size;
    enum markup_kind kind; /* of the present piece */
    size_t start, end;     /* its bytes */
};

/* Stands before the first piece. */
void markup_init(struct markup *markup, const char *text, size_t size);
/* Moves to the next piece. 0, or -1 with `*failure` filled (problem and offset); `kind` is MARKUP_DONE behind the last. */
int markup_next(struct markup *markup, struct xml_failure *failure);
