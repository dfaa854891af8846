/* SPDX-License-Identifier: MIT */
/*
 * Events 19 to 21: a temporary subscription, asked semi-synchronously, to what happens to permanent ones (spec 09 section 7). Everything
 * happens on one thread; whatever fails ends with a new connection after a while.
 */
#define COBJMACROS
#include "sources.h"
#include "system.h"
#include "wide.h"
#include "wmi_event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wbemcli.h>

#define NEXT_TIMEOUT 300     /* milliseconds for each of the three questions */
#define RETRY_FIRST 5000     /* milliseconds until a new connection; doubles */
#define RETRY_LAST 300000
#define JOIN_LIMIT 10000

static const GUID class_locator = { 0x4590F811, 0x1D3A, 0x11D0, { 0x89, 0x1F, 0x00, 0xAA, 0x00, 0x4B, 0x2E, 0x24 } };
static const GUID interface_locator = { 0xDC12A687, 0x737F, 0x11CF, { 0x88, 0x4D, 0x00, 0xAA, 0x00, 0x4B, 0x2E, 0x24 } };
static const GUID interface_object = { 0xDC12A681, 0x737F, 0x11CF, { 0x88, 0x4D, 0x00, 0xAA, 0x00, 0x4B, 0x2E, 0x24 } };

static const wchar_t *const queries[] = {
    L"SELECT * FROM __InstanceOperationEvent WHERE TargetInstance ISA '__EventFilter'",
    L"SELECT * FROM __InstanceOperationEvent WHERE TargetInstance ISA '__EventConsumer'",
    L"SELECT * FROM __InstanceOperationEvent WHERE TargetInstance ISA '__FilterToConsumerBinding'",
};
#define QUERIES (sizeof(queries) / sizeof(queries[0]))

static const wchar_t *const property_names[WMI_TEXT_COUNT] = {
    L"Name", L"EventNamespace", L"Query", L"CommandLineTemplate", L"ExecutablePath", L"ScriptText", L"ScriptFileName", L"Consumer", L"Filter",
};

/* COM is loaded when it is needed only. */
struct com {
    HRESULT(WINAPI *initialize)(void *, DWORD);
    void(WINAPI *uninitialize)(void);
    HRESULT(WINAPI *security)(void *, LONG, void *, void *, DWORD, DWORD, void *, DWORD, void *);
    HRESULT(WINAPI *create)(const GUID *, IUnknown *, DWORD, const GUID *, void **);
    HRESULT(WINAPI *blanket)(IUnknown *, DWORD, DWORD, OLECHAR *, DWORD, DWORD, void *, DWORD);
    BSTR(WINAPI *text)(const OLECHAR *);
    void(WINAPI *free_text)(BSTR);
    HRESULT(WINAPI *clear)(VARIANTARG *);
};

struct source {
    struct monitor *monitor;
    struct com com;
    HANDLE stop, thread;
    IWbemServices *services;
    IEnumWbemClassObject *answers[QUERIES];
};

static bool load_com(struct com *com)
{
    com->initialize = system_function("ole32.dll", "CoInitializeEx");
    com->uninitialize = system_function("ole32.dll", "CoUninitialize");
    com->security = system_function("ole32.dll", "CoInitializeSecurity");
    com->create = system_function("ole32.dll", "CoCreateInstance");
    com->blanket = system_function("ole32.dll", "CoSetProxyBlanket");
    com->text = system_function("oleaut32.dll", "SysAllocString");
    com->free_text = system_function("oleaut32.dll", "SysFreeString");
    com->clear = system_function("oleaut32.dll", "VariantClear");
    return com->initialize && com->uninitialize && com->security && com->create && com->blanket && com->text && com->free_text && com->clear;
}

/* ---- what came ---- */

static int make(struct monitor *monitor, struct pool *pool, void *data, size_t size, struct event *out)
{
    struct wmi_change change;
    int status = wmi_unpack(&change, data, size);

    return status ? status : wmi_event(monitor_translator(monitor), pool, &change, out);
}

/* UTF-8 of a text property, to be freed; NULL: absent or not a text. */
static char *text_property(const struct com *com, IWbemClassObject *object, const wchar_t *name)
{
    char *text = NULL;
    VARIANT value = { 0 };

    if (FAILED(IWbemClassObject_Get(object, name, 0, &value, NULL, NULL)))
        return NULL;
    if (V_VT(&value) == VT_BSTR && V_BSTR(&value))
        text = wide_to_utf8(V_BSTR(&value));
    com->clear(&value);
    return text;
}

/* CreatorSID: an array of bytes of any length. */
static uint32_t sid_property(const struct com *com, IWbemClassObject *object, uint8_t out[68])
{
    uint32_t size = 0;
    VARIANT value = { 0 };

    if (FAILED(IWbemClassObject_Get(object, L"CreatorSID", 0, &value, NULL, NULL)))
        return 0;
    if (V_VT(&value) == (VT_ARRAY | VT_UI1) && V_ARRAY(&value) && V_ARRAY(&value)->cDims == 1 && V_ARRAY(&value)->rgsabound[0].cElements <= 68) {
        size = V_ARRAY(&value)->rgsabound[0].cElements;
        memcpy(out, V_ARRAY(&value)->pvData, size);
    }
    com->clear(&value);
    return size;
}

static struct match_text text_of(const char *text)
{
    size_t size = text ? strlen(text) : 0;

    return (struct match_text){ text, size < WMI_PACKED_LIMIT ? (uint32_t)size : WMI_PACKED_LIMIT };
}

static void post(struct source *source, const struct wmi_change *change)
{
    size_t size = wmi_pack(NULL, change);
    void *data = malloc(size);

    if (data) {
        wmi_pack(data, change);
        monitor_post(source->monitor, EVENT_WMI_FILTER, make, data, size);
    } else {
        monitor_lost(source->monitor, EVENT_WMI_FILTER, LOSS_NO_MEMORY, 1);
    }
    free(data);
}

static void take_target(struct source *source, char *event_class, IWbemClassObject *target)
{
    struct wmi_change change = { 0 };
    char *target_class = text_property(&source->com, target, L"__CLASS"), *texts[WMI_TEXT_COUNT];
    uint8_t sid[68];
    FILETIME now;

    GetSystemTimeAsFileTime(&now);
    change.time = (uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime;
    change.event_class = text_of(event_class);
    change.target_class = text_of(target_class);
    for (unsigned i = 0; i < WMI_TEXT_COUNT; i++)
        change.text[i] = text_of(texts[i] = text_property(&source->com, target, property_names[i]));
    change.sid = sid;
    change.sid_size = sid_property(&source->com, target, sid);
    post(source, &change);
    for (unsigned i = 0; i < WMI_TEXT_COUNT; i++)
        free(texts[i]);
    free(target_class);
}

static void take_event(struct source *source, IWbemClassObject *event)
{
    char *event_class = text_property(&source->com, event, L"__CLASS");
    IWbemClassObject *target = NULL;
    VARIANT value = { 0 };

    if (SUCCEEDED(IWbemClassObject_Get(event, L"TargetInstance", 0, &value, NULL, NULL)) && V_VT(&value) == VT_UNKNOWN && V_UNKNOWN(&value))
        IUnknown_QueryInterface(V_UNKNOWN(&value), &interface_object, (void **)&target);
    if (target) {
        take_target(source, event_class, target);
        IWbemClassObject_Release(target);
    } else {
        monitor_lost(source->monitor, EVENT_WMI_FILTER, LOSS_BAD_RECORD, 1);
    }
    source->com.clear(&value);
    free(event_class);
}

/* ---- the connection ---- */

static void disconnect(struct source *source)
{
    for (unsigned i = 0; i < QUERIES; i++)
        if (source->answers[i])
            IEnumWbemClassObject_Release(source->answers[i]);
    memset(source->answers, 0, sizeof(source->answers));
    if (source->services)
        IWbemServices_Release(source->services);
    source->services = NULL;
}

static HRESULT secure(struct source *source, void *proxy)
{
    return source->com.blanket(proxy, RPC_C_AUTHN_WINNT, RPC_C_AUTHZ_NONE, NULL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, RPC_C_IMP_LEVEL_IMPERSONATE,
                               NULL, EOAC_NONE);
}

static HRESULT ask(struct source *source, const wchar_t *text, IEnumWbemClassObject **out)
{
    BSTR language = source->com.text(L"WQL"), query = source->com.text(text);
    HRESULT result = language && query ? IWbemServices_ExecNotificationQuery(source->services, language, query,
                                             WBEM_FLAG_RETURN_IMMEDIATELY | WBEM_FLAG_FORWARD_ONLY, NULL, out)
                                       : E_OUTOFMEMORY;

    if (SUCCEEDED(result))
        result = secure(source, *out);
    source->com.free_text(query);
    source->com.free_text(language);
    return result;
}

static HRESULT connect_services(struct source *source)
{
    BSTR name = source->com.text(L"ROOT\\Subscription");
    IWbemLocator *locator = NULL;
    HRESULT result = name ? source->com.create(&class_locator, NULL, CLSCTX_INPROC_SERVER, &interface_locator, (void **)&locator)
                          : E_OUTOFMEMORY;

    if (SUCCEEDED(result)) {
        result = IWbemLocator_ConnectServer(locator, name, NULL, NULL, NULL, WBEM_FLAG_CONNECT_USE_MAX_WAIT, NULL, NULL, &source->services);
        IWbemLocator_Release(locator);
    }
    source->com.free_text(name);
    return FAILED(result) ? result : secure(source, source->services);
}

static HRESULT connect_all(struct source *source)
{
    HRESULT result = connect_services(source);

    for (unsigned i = 0; i < QUERIES && SUCCEEDED(result); i++)
        result = ask(source, queries[i], &source->answers[i]);
    if (FAILED(result))
        disconnect(source);
    return result;
}

/* Until the source is stopped (S_OK) or the connection fails. Next may return at once without anything: the wait holds it back. */
static HRESULT listen_all(struct source *source)
{
    HRESULT result = S_OK;

    while (SUCCEEDED(result) && WaitForSingleObject(source->stop, 10) == WAIT_TIMEOUT) {
        for (unsigned i = 0; i < QUERIES && SUCCEEDED(result); i++) {
            IWbemClassObject *event = NULL;
            ULONG count = 0;

            result = IEnumWbemClassObject_Next(source->answers[i], NEXT_TIMEOUT, 1, &event, &count);
            if (SUCCEEDED(result) && count && event) {
                take_event(source, event);
                IWbemClassObject_Release(event);
            } else if (result == S_FALSE) {
                result = E_ABORT; /* a notification never ends by itself */
            }
        }
    }
    return result;
}

static bool stopping(const struct source *source)
{
    return WaitForSingleObject(source->stop, 0) != WAIT_TIMEOUT;
}

static DWORD WINAPI run(void *context)
{
    struct source *source = context;
    HRESULT began = source->com.initialize(NULL, COINIT_MULTITHREADED), told = S_OK;
    DWORD wait = RETRY_FIRST;

    source->com.security(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, RPC_C_IMP_LEVEL_IDENTIFY, NULL,
                         EOAC_NO_CUSTOM_MARSHAL | EOAC_DISABLE_AAA, NULL); /* too late: somebody else's holds */
    do {
        HRESULT result = connect_all(source);

        if (SUCCEEDED(result)) {
            wait = RETRY_FIRST;
            result = listen_all(source);
            disconnect(source);
        }
        if (FAILED(result) && result != told && !stopping(source))
            monitor_error_code(source->monitor, wmi_source.name, "No events of WMI, it will be tried again", (DWORD)result);
        told = result;
        if (FAILED(result)) {
            WaitForSingleObject(source->stop, wait);
            wait = wait * 2 > RETRY_LAST ? RETRY_LAST : wait * 2;
        }
    } while (!stopping(source));
    if (SUCCEEDED(began))
        source->com.uninitialize();
    return 0;
}

/* ---- the source ---- */

static void stop(void *state)
{
    struct source *source = state;

    SetEvent(source->stop);
    if (WaitForSingleObject(source->thread, JOIN_LIMIT) != WAIT_OBJECT_0)
        return; /* still connecting, which may take two minutes: it sees `stop` and ends, only its memory stays */
    CloseHandle(source->thread);
    CloseHandle(source->stop);
    free(source);
}

static DWORD start(struct monitor *monitor, const struct settings *settings, void **state)
{
    struct source *source = calloc(1, sizeof(*source));
    DWORD error;

    (void)settings;
    if (!source)
        return ERROR_OUTOFMEMORY;
    source->monitor = monitor;
    if (!load_com(&source->com)) {
        free(source);
        return ERROR_NOT_SUPPORTED;
    }
    source->stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    source->thread = source->stop ? CreateThread(NULL, 0, run, source, 0, NULL) : NULL;
    if (!source->thread) {
        error = GetLastError();
        if (source->stop)
            CloseHandle(source->stop);
        free(source);
        return error;
    }
    *state = source;
    return ERROR_SUCCESS;
}

static bool wanted(const struct settings *settings, const struct ruleset *rules)
{
    (void)settings;
    return ruleset_wants(rules, EVENT_WMI_FILTER) || ruleset_wants(rules, EVENT_WMI_CONSUMER) || ruleset_wants(rules, EVENT_WMI_BINDING);
}

const struct monitor_source wmi_source = { "Wmi", EVENT_WMI_FILTER, wanted, start, stop, NULL, NULL, NULL };
