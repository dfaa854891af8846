/* SPDX-License-Identifier: MIT */
/* xml.h through expat. */
#include "port/xml.h"

#include <expat.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

/* Attributes handed over per element; the rest of an element that has more cannot matter to anybody. */
#define MAX_ATTRIBUTES 256

struct reader {
    XML_Parser parser;
    const struct xml_handler *handler;
    bool stopped, doctype, too_many;
};

static void stop(struct reader *r)
{
    r->stopped = true;
    XML_StopParser(r->parser, XML_FALSE);
}

static size_t offset_now(const struct reader *r)
{
    long long index = XML_GetCurrentByteIndex(r->parser);

    return index < 0 ? 0 : (size_t)index;
}

static void XMLCALL on_start(void *data, const char *name, const char **pairs)
{
    struct reader *r = data;
    struct xml_attribute attributes[MAX_ATTRIBUTES + 1];
    unsigned count = 0;

    if (r->stopped)
        return;
    for (; pairs[2 * count] && count < MAX_ATTRIBUTES; count++)
        attributes[count] = (struct xml_attribute){ pairs[2 * count], pairs[2 * count + 1] };
    attributes[count] = (struct xml_attribute){ NULL, NULL };
    r->too_many = pairs[2 * count] != NULL;
    if (r->too_many || r->handler->start(r->handler->context, name, attributes, offset_now(r)))
        stop(r);
}

static void XMLCALL on_end(void *data, const char *name)
{
    struct reader *r = data;

    (void)name;
    if (!r->stopped && r->handler->end(r->handler->context))
        stop(r);
}

static void XMLCALL on_text(void *data, const char *text, int size)
{
    struct reader *r = data;

    if (!r->stopped && r->handler->text(r->handler->context, text, (size_t)size, offset_now(r)))
        stop(r);
}

static void XMLCALL on_doctype(void *data, const char *name, const char *system, const char *public, int internal)
{
    struct reader *r = data;

    (void)name, (void)system, (void)public, (void)internal;
    r->doctype = true;
    stop(r);
}

static enum xml_problem classify(const struct reader *r, enum XML_Error error)
{
    if (r->doctype)
        return XML_DOCTYPE;
    if (r->stopped && !r->too_many)
        return XML_STOPPED;
    switch (error) {
    case XML_ERROR_TAG_MISMATCH:
        return XML_MISMATCH;
    case XML_ERROR_UNCLOSED_TOKEN:
    case XML_ERROR_UNCLOSED_CDATA_SECTION:
        return XML_UNCLOSED;
    case XML_ERROR_NO_ELEMENTS:
        return XML_NO_ROOT;
    case XML_ERROR_JUNK_AFTER_DOC_ELEMENT:
        return XML_TRAILING;
    case XML_ERROR_DUPLICATE_ATTRIBUTE:
        return XML_DUPLICATE_ATTRIBUTE;
    case XML_ERROR_UNDEFINED_ENTITY:
        return XML_ENTITY;
    case XML_ERROR_NO_MEMORY:
        return XML_MEMORY;
    default:
        return XML_SYNTAX;
    }
}

static void describe(const struct reader *r, struct xml_failure *failure)
{
    enum XML_Error error = XML_GetErrorCode(r->parser);
    const char *words = r->too_many ? "too many attributes" : XML_ErrorString(error);

    failure->problem = classify(r, error);
    failure->offset = offset_now(r);
    snprintf(failure->detail, sizeof failure->detail, "%s", words ? words : "");
}

int xml_parse(const char *text, size_t size, const struct xml_handler *handler, struct xml_failure *failure)
{
    struct reader r = { .handler = handler };
    int rc = 0;

    *failure = (struct xml_failure){ .problem = XML_MEMORY };
    if (size > INT_MAX || !(r.parser = XML_ParserCreate("UTF-8")))
        return -1;
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
    if (XML_Parse(r.parser, text, (int)size, XML_TRUE) != XML_STATUS_OK) {
        describe(&r, failure);
        rc = -1;
    }
    XML_ParserFree(r.parser);
    return rc;
}
