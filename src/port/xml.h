/* SPDX-License-Identifier: MIT */
/*
 * Reading XML from memory: element starts and ends and text, in document order, with byte offsets into the input.
 *
 * Both implementations (expat, XmlLite) are told to refuse document type declarations, and with them every entity but the
 * five predefined ones. Comments and processing instructions are skipped; CDATA is text.
 */
#pragma once

#include <stddef.h>

struct xml_attribute {
    const char *name, *value; /* UTF-8, entities resolved */
};

/* Each function returns 0 to go on; anything else ends xml_parse() with XML_STOPPED. Texts live until it returns. */
struct xml_handler {
    /* `offset` is that of the `<`. `attributes` ends with a NULL name. */
    int (*start)(void *context, const char *name, const struct xml_attribute *attributes, size_t offset);
    int (*end)(void *context);
    /* One text may come in several pieces. */
    int (*text)(void *context, const char *text, size_t size, size_t offset);
    void *context;
};

enum xml_problem {
    XML_FINE,
    XML_STOPPED,             /* by a handler */
    XML_SYNTAX,              /* anything not listed below */
    XML_MISMATCH,            /* an end tag that does not close the open element */
    XML_UNCLOSED,            /* the input ends inside an element, a tag or a comment */
    XML_NO_ROOT,             /* nothing but white space and comments */
    XML_TRAILING,            /* content after the root element */
    XML_DUPLICATE_ATTRIBUTE,
    XML_DOCTYPE,             /* refused: document type declaration */
    XML_ENTITY,              /* reference to an entity that does not exist */
    XML_MEMORY,
};

struct xml_failure {
    enum xml_problem problem;
    size_t offset; /* where it was noticed */
    char detail[96]; /* the parser's own words, may be empty */
};

/*
 * Parses `size` bytes of UTF-8; an encoding that the XML declaration names is ignored. Returns 0, or -1 with `*failure`
 * filled.
 */
int xml_parse(const char *text, size_t size, const struct xml_handler *handler, struct xml_failure *failure);
