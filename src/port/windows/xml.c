/* SPDX-License-Identifier: MIT */
/* xml.h through XmlLite; markup.c says where its nodes stand. */
#define COBJMACROS
#define INITGUID
#include "port/windows/markup.h"

#include <windows.h>
#include <objbase.h>
#include <xmllite.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As in the other implementation. */
#define MAX_ATTRIBUTES 256

/* Results of IXmlReader::Read, from the documentation's list of XmlLite errors; mingw's header lacks them. */
enum {
    ERROR_INPUT_END = (int)0xC00CEE01,
    ERROR_ROOT_ELEMENT = (int)0xC00CEE3A,
    ERROR_ELEMENT_MATCH = (int)0xC00CEE3B,
    ERROR_UNIQUE_ATTRIBUTE = (int)0xC00CEE3C,
    ERROR_UNDECLARED_ENTITY = (int)0xC00CEE47,
    ERROR_DTD_PROHIBITED = (int)0xC00CEE4F,
    ERROR_SYNTAX = (int)0xC00CEE2D,
};

struct memory_stream {
    ISequentialStream stream;
    const char *text;
    size_t size, used;
};

struct reader {
    IXmlReader *xml;
    const struct xml_handler *handler;
    struct markup markup; /* follows the reader's nodes */
    size_t skipped;       /* white space at the start, which Wine's XmlLite refuses */
    unsigned depth;
    bool root_seen;
    bool broken; /* the scanner has come to the place where it fails */
    char *buffer; /* names and values of the current node, as UTF-8, one behind the other */
    size_t used, capacity;
    enum xml_problem problem; /* of our own */
};

/* ---- the input: a stream over memory that nobody keeps ---- */

static HRESULT STDMETHODCALLTYPE stream_query(ISequentialStream *self, REFIID id, void **out)
{
    if (!IsEqualIID(id, &IID_IUnknown) && !IsEqualIID(id, &IID_ISequentialStream)) {
        *out = NULL;
        return E_NOINTERFACE;
    }
    *out = self;
    return S_OK;
}

static ULONG STDMETHODCALLTYPE stream_count(ISequentialStream *self)
{
    (void)self;
    return 1;
}

/*
 * How much of `size` bytes to hand out at once: up to the end of a line. Wine's XmlLite takes `--` and `>` of a comment for
 * something else when they arrive in different pieces.
 */
static ULONG piece(const char *text, ULONG size)
{
    for (ULONG end = size; end > 1; end--)
        if (text[end - 1] == '\n')
            return end;
    while (size > 1 && (strchr("-]?/&#;", text[size - 1]) || (text[size] & 0xc0) == 0x80))
        size--;
    return size;
}

static HRESULT STDMETHODCALLTYPE stream_read(ISequentialStream *self, void *out, ULONG size, ULONG *read)
{
    struct memory_stream *stream = (struct memory_stream *)self;
    size_t left = stream->size - stream->used;

    size = size >= left ? (ULONG)left : piece(stream->text + stream->used, size);
    memcpy(out, stream->text + stream->used, size);
    stream->used += size;
    if (read)
        *read = size;
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE stream_write(ISequentialStream *self, const void *data, ULONG size, ULONG *written)
{
    (void)self, (void)data, (void)size, (void)written;
    return STG_E_ACCESSDENIED;
}

static ISequentialStreamVtbl stream_table = { stream_query, stream_count, stream_count, stream_read, stream_write };

/* ---- positions ---- */

static int step(struct reader *r)
{
    struct xml_failure failure;

    r->broken = r->broken || markup_next(&r->markup, &failure);
    return r->broken || r->markup.kind == MARKUP_DONE ? -1 : 0;
}

/* Moves the scanner to the next piece of a kind. */
static size_t seek(struct reader *r, enum markup_kind kind)
{
    while (!step(r) && r->markup.kind != kind)
        ;
    return r->skipped + r->markup.start;
}

/* Text nodes may be split or joined differently from the scanner's pieces: only the first of a run counts. */
static size_t seek_text(struct reader *r)
{
    struct markup before = r->markup;

    while (!step(r) && (r->markup.kind == MARKUP_TEXT || r->markup.kind == MARKUP_CDATA || r->markup.kind == MARKUP_OTHER))
        if (r->markup.kind != MARKUP_OTHER)
            return r->skipped + r->markup.start + (r->markup.kind == MARKUP_CDATA ? 9 : 0);
    r->markup = before;
    return r->skipped + before.start;
}

/* ---- text ---- */

/* Appends as UTF-8 with a terminator; the index into the buffer, or -1. */
static long keep(struct reader *r, const WCHAR *text, UINT units)
{
    int bytes = units ? WideCharToMultiByte(CP_UTF8, 0, text, (int)units, NULL, 0, NULL, NULL) : 0;
    size_t wanted = r->used + (size_t)bytes + 1;
    size_t index = r->used;

    if (wanted > r->capacity) {
        char *grown = realloc(r->buffer, wanted * 2);

        if (!grown) {
            r->problem = XML_MEMORY;
            return -1;
        }
        r->buffer = grown;
        r->capacity = wanted * 2;
    }
    if (bytes)
        WideCharToMultiByte(CP_UTF8, 0, text, (int)units, r->buffer + index, bytes, NULL, NULL);
    r->buffer[wanted - 1] = '\0';
    r->used = wanted;
    return (long)index;
}

static long keep_name(struct reader *r)
{
    const WCHAR *text;
    UINT units;

    return FAILED(IXmlReader_GetQualifiedName(r->xml, &text, &units)) ? -1 : keep(r, text, units);
}

static long keep_value(struct reader *r)
{
    const WCHAR *text;
    UINT units;

    return FAILED(IXmlReader_GetValue(r->xml, &text, &units)) ? -1 : keep(r, text, units);
}

/* ---- nodes ---- */

/* Indexes of names and values; their number, or -1. */
static int read_attributes(struct reader *r, long index[][2])
{
    int count = 0;
    HRESULT result = IXmlReader_MoveToFirstAttribute(r->xml);

    for (; result == S_OK; result = IXmlReader_MoveToNextAttribute(r->xml)) {
        if (count == MAX_ATTRIBUTES)
            return -1;
        index[count][0] = keep_name(r);
        index[count][1] = keep_value(r);
        if (index[count][0] < 0 || index[count][1] < 0)
            return -1;
        count++;
    }
    IXmlReader_MoveToElement(r->xml);
    return count;
}

static int close_element(struct reader *r)
{
    r->depth--;
    return r->handler->end(r->handler->context);
}

/* Wine's XmlLite does not look. */
static bool repeated(const struct xml_attribute *attributes, int count)
{
    for (int i = 0; i < count; i++)
        for (int k = 0; k < i; k++)
            if (!strcmp(attributes[i].name, attributes[k].name))
                return true;
    return false;
}

static int on_element(struct reader *r)
{
    static struct xml_attribute none;
    struct xml_attribute attributes[MAX_ATTRIBUTES + 1];
    long index[MAX_ATTRIBUTES][2], name = keep_name(r);
    bool empty = IXmlReader_IsEmptyElement(r->xml);
    size_t offset = seek(r, MARKUP_START);
    int count = name < 0 ? -1 : read_attributes(r, index);

    if (count < 0 || r->broken)
        return -1;
    for (int i = 0; i < count; i++)
        attributes[i] = (struct xml_attribute){ r->buffer + index[i][0], r->buffer + index[i][1] };
    attributes[count] = none;
    if (repeated(attributes, count)) {
        r->problem = XML_DUPLICATE_ATTRIBUTE;
        return -1;
    }
    r->root_seen = true;
    r->depth++;
    if (r->handler->start(r->handler->context, r->buffer + name, attributes, offset)) {
        r->problem = XML_STOPPED;
        return -1;
    }
    return empty ? close_element(r) : 0;
}

static int on_text(struct reader *r)
{
    size_t offset = seek_text(r);
    long index;

    if (r->depth == 0 || r->broken)
        return r->broken ? -1 : 0;
    index = keep_value(r);
    if (index < 0)
        return -1;
    return r->handler->text(r->handler->context, r->buffer + index, r->used - (size_t)index - 1, offset);
}

static int on_node(struct reader *r, XmlNodeType type)
{
    int rc = 0;

    r->used = 0;
    switch (type) {
    case XmlNodeType_Element:
        return on_element(r);
    case XmlNodeType_EndElement:
        seek(r, MARKUP_END);
        rc = r->broken ? -1 : close_element(r);
        break;
    case XmlNodeType_Text:
    case XmlNodeType_CDATA:
    case XmlNodeType_Whitespace:
        rc = on_text(r);
        break;
    case XmlNodeType_DocumentType:
        r->problem = XML_DOCTYPE;
        return -1;
    default:
        break;
    }
    if (rc && r->problem == XML_FINE)
        r->problem = XML_STOPPED;
    return rc;
}

static enum xml_problem classify(const struct reader *r, HRESULT result)
{
    if (r->problem != XML_FINE)
        return r->problem;
    switch ((int)result) {
    case ERROR_DTD_PROHIBITED:
        return XML_DOCTYPE;
    case ERROR_UNDECLARED_ENTITY:
        return XML_ENTITY;
    case ERROR_ELEMENT_MATCH:
        return XML_MISMATCH;
    case ERROR_UNIQUE_ATTRIBUTE:
        return XML_DUPLICATE_ATTRIBUTE;
    case ERROR_INPUT_END:
        return r->root_seen ? XML_UNCLOSED : XML_NO_ROOT;
    case ERROR_ROOT_ELEMENT:
    case ERROR_SYNTAX:
        return r->depth == 0 && r->root_seen ? XML_TRAILING : r->root_seen ? XML_SYNTAX : XML_NO_ROOT;
    case (int)E_OUTOFMEMORY:
        return XML_MEMORY;
    default:
        return XML_SYNTAX;
    }
}

/* Where reading stopped: the tag that does not fit, or the piece behind the last good node. */
static size_t failure_offset(struct reader *r, enum xml_problem problem)
{
    if (problem == XML_MISMATCH)
        return seek(r, MARKUP_END) + 2;
    if (problem != XML_STOPPED && problem != XML_DUPLICATE_ATTRIBUTE)
        step(r);
    return r->skipped + r->markup.start;
}

static int run(struct reader *r, struct xml_failure *failure)
{
    XmlNodeType type;
    HRESULT result;

    while ((result = IXmlReader_Read(r->xml, &type)) == S_OK)
        if (on_node(r, type)) {
            result = E_ABORT;
            break;
        }
    if (result == S_FALSE && r->root_seen && r->depth == 0)
        return 0;
    if (result == S_FALSE)
        result = ERROR_INPUT_END;
    failure->problem = classify(r, result);
    failure->offset = failure_offset(r, failure->problem);
    snprintf(failure->detail, sizeof failure->detail, "XmlLite error 0x%08lX", (unsigned long)result);
    return -1;
}

/* NT 5.2 has no XmlLite of its own: it is looked for at run time, in the system directory only, so that the program loads there. */
struct xmllite {
    HRESULT(WINAPI *create)(REFIID, void **, IMalloc *);
    HRESULT(WINAPI *input)(IUnknown *, IMalloc *, LPCWSTR, BOOL, LPCWSTR, IUnknown **);
};

static bool xmllite_find(struct xmllite *out)
{
    static const wchar_t name[] = L"\\xmllite.dll";
    wchar_t path[MAX_PATH + 16];
    UINT length = GetSystemDirectoryW(path, MAX_PATH);
    HMODULE library;

    if (!length || length >= MAX_PATH)
        return false;
    memcpy(path + length, name, sizeof name);
    library = LoadLibraryW(path); /* stays loaded */
    if (!library)
        return false;
    out->create = (void *)GetProcAddress(library, "CreateXmlReader");
    out->input = (void *)GetProcAddress(library, "CreateXmlReaderInputWithEncodingName");
    return out->create && out->input;
}

static HRESULT open_reader(struct reader *r, struct memory_stream *stream, IUnknown **input)
{
    struct xmllite xmllite;
    HRESULT result = xmllite_find(&xmllite) ? xmllite.create(&IID_IXmlReader, (void **)&r->xml, NULL)
                                            : HRESULT_FROM_WIN32(ERROR_MOD_NOT_FOUND);

    if (SUCCEEDED(result))
        result = IXmlReader_SetProperty(r->xml, XmlReaderProperty_DtdProcessing, DtdProcessing_Prohibit);
    if (SUCCEEDED(result))
        result = xmllite.input((IUnknown *)&stream->stream, NULL, L"UTF-8", FALSE, NULL, input);
    if (SUCCEEDED(result))
        result = IXmlReader_SetInput(r->xml, *input);
    return result;
}

static size_t leading_space(const char *text, size_t size)
{
    size_t i = 0;

    while (i < size && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r'))
        i++;
    return i;
}

/* Finds what Wine's XmlLite would let pass. */
static void scan(struct reader *r, struct xml_failure *failure)
{
    struct markup markup = r->markup;

    do
        if (markup_next(&markup, failure)) {
            failure->offset += r->skipped;
            return;
        }
    while (markup.kind != MARKUP_DONE);
}

int xml_parse(const char *text, size_t size, const struct xml_handler *handler, struct xml_failure *failure)
{
    size_t skipped = leading_space(text, size);
    struct memory_stream stream = { .stream = { &stream_table }, .text = text + skipped, .size = size - skipped };
    struct reader r = { .handler = handler, .skipped = skipped };
    struct xml_failure scanned = { .problem = XML_FINE };
    IUnknown *input = NULL;
    HRESULT result;
    int rc = -1;

    markup_init(&r.markup, stream.text, stream.size);
    scan(&r, &scanned); /* what comes before a mistake is still read, so that other mistakes show as well */
    result = open_reader(&r, &stream, &input);
    *failure = (struct xml_failure){ .problem = result == E_OUTOFMEMORY ? XML_MEMORY : XML_SYNTAX };
    if (FAILED(result))
        snprintf(failure->detail, sizeof failure->detail, "XmlLite cannot be used: 0x%08lX", (unsigned long)result);
    else
        rc = run(&r, failure);
    if (scanned.problem != XML_FINE && (rc == 0 || r.broken)) {
        *failure = scanned;
        rc = -1;
    }
    if (input)
        IUnknown_Release(input);
    if (r.xml)
        IXmlReader_Release(r.xml);
    free(r.buffer);
    return rc;
}
