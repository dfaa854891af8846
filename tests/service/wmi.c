/* SPDX-License-Identifier: MIT */
/* Events 19 to 21: the form of their values, which classes they are of, creators that lie, and the way through the queue. */
#include "trace_vectors.h"
#include "wmi_event.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t system_sid[12] = { 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0 };
static struct pool pool;

static struct match_text text(const char *terminated)
{
    return (struct match_text){ terminated, (uint32_t)strlen(terminated) };
}

static struct match_text user(void *context, struct pool *p, const uint8_t *sid, uint32_t size)
{
    assert_int_equal(size, 12);
    return text("NT AUTHORITY\\SYSTEM");
}

static const struct facts facts = { .user = user };
static struct translator translator = { NULL, &facts, NULL, 0, 0, 0 };

static struct wmi_change change_of(const char *event_class, const char *target_class)
{
    return (struct wmi_change){ .time = T0, .event_class = text(event_class), .target_class = text(target_class), .sid = system_sid, .sid_size = 12 };
}

/* Through the queue and made an event. */
static int event_of(const struct wmi_change *change, struct event *event)
{
    size_t size = wmi_pack(NULL, change);
    void *data = malloc(size);
    struct wmi_change unpacked;
    int status;

    assert_int_equal(wmi_pack(data, change), size);
    assert_int_equal(wmi_unpack(&unpacked, data, size), 0);
    for (size_t cut = 0; cut < size; cut += 1 + size / 50) {
        struct wmi_change broken;
        void *exact = malloc(cut + 1);

        memcpy(exact, data, cut);
        assert_int_equal(wmi_unpack(&broken, exact, cut), -EBADMSG);
        free(exact);
    }
    status = wmi_event(&translator, &pool, &unpacked, event);
    for (unsigned i = 0; !status && i < event->type->field_count; i++) /* `data` goes away */
        if (event->text[i].data)
            event->text[i] = pool_copy(&pool, event->text[i]);
    free(data);
    return status;
}

static void check(const struct event *event, unsigned field, const char *want)
{
    assert_int_equal(event->text[field].size, strlen(want));
    assert_memory_equal(event->text[field].data, want, strlen(want));
}

static void filter(void **state)
{
    struct wmi_change change = change_of("__InstanceCreationEvent", "__EventFilter");
    struct event event;

    change.text[WMI_TEXT_NAME] = text("F1");
    change.text[WMI_TEXT_NAMESPACE] = text("root\\cimv2");
    change.text[WMI_TEXT_QUERY] = text("SELECT * FROM X WHERE a=\"b\"");
    assert_int_equal(event_of(&change, &event), 0);
    assert_int_equal(event.type->id, 19);
    assert_true(event.time == T0);
    check(&event, WMI_FILTER_EventType, "WmiFilterEvent");
    check(&event, WMI_FILTER_Operation, "Created");
    check(&event, WMI_FILTER_User, "NT AUTHORITY\\SYSTEM");
    check(&event, WMI_FILTER_EventNamespace, " \"root\\\\cimv2\"");
    check(&event, WMI_FILTER_Name, " \"F1\"");
    check(&event, WMI_FILTER_Query, " \"SELECT * FROM X WHERE a=\\\"b\\\"\"");
}

static void consumers(void **state)
{
    struct wmi_change change = change_of("__InstanceDeletionEvent", "CommandLineEventConsumer");
    struct event event;

    change.text[WMI_TEXT_NAME] = text("C1");
    change.text[WMI_TEXT_EXECUTABLE] = text("C:\\Windows\\System32\\notepad.exe");
    assert_int_equal(event_of(&change, &event), 0);
    assert_int_equal(event.type->id, 20);
    check(&event, WMI_CONSUMER_EventType, "WmiConsumerEvent");
    check(&event, WMI_CONSUMER_Operation, "Deleted");
    check(&event, WMI_CONSUMER_Type, "Command Line");
    check(&event, WMI_CONSUMER_Destination, " \"C:\\\\Windows\\\\System32\\\\notepad.exe\"");
    change.text[WMI_TEXT_COMMAND] = text("a\r\n\tb\b\f");
    assert_int_equal(event_of(&change, &event), 0);
    check(&event, WMI_CONSUMER_Destination, " \"a\\r\\n\\tb\\b\\f\"");
    change.target_class = text("ActiveScriptEventConsumer");
    change.text[WMI_TEXT_SCRIPT] = text("x");
    change.text[WMI_TEXT_NAME] = (struct match_text){ NULL, 0 };
    assert_int_equal(event_of(&change, &event), 0);
    check(&event, WMI_CONSUMER_Type, "Script");
    check(&event, WMI_CONSUMER_Destination, " \"x\"");
    check(&event, WMI_CONSUMER_Name, "-");
    change.target_class = text("LogFileEventConsumer");
    assert_int_equal(event_of(&change, &event), -ENOENT);
    change = change_of("__InstanceOperationEvent", "__EventFilter");
    assert_int_equal(event_of(&change, &event), -ENOENT);
    change = change_of("", "");
    assert_int_equal(event_of(&change, &event), -ENOENT);
}

static void binding(void **state)
{
    struct wmi_change change = change_of("__InstanceModificationEvent", "__FilterToConsumerBinding");
    struct event event;

    change.text[WMI_TEXT_CONSUMER] = text("\\\\.\\root\\subscription:ActiveScriptEventConsumer.Name=\"P\"");
    change.text[WMI_TEXT_FILTER] = text("__EventFilter.Name=\"P\"");
    assert_int_equal(event_of(&change, &event), 0);
    assert_int_equal(event.type->id, 21);
    check(&event, WMI_BINDING_EventType, "WmiBindingEvent");
    check(&event, WMI_BINDING_Operation, "Modified");
    check(&event, WMI_BINDING_Consumer, " \"\\\\\\\\.\\\\root\\\\subscription:ActiveScriptEventConsumer.Name=\\\"P\\\"\"");
    check(&event, WMI_BINDING_Filter, " \"__EventFilter.Name=\\\"P\\\"\"");
}

static void creators(void **state)
{
    struct wmi_change change = change_of("__InstanceCreationEvent", "__EventFilter");
    uint8_t sid[200] = { 1, 15 };
    struct event event;

    for (unsigned size = 0; size < sizeof(sid); size++)
        assert_int_equal(wmi_sid_is_sound(sid, size), size == 68);
    sid[1] = 2; /* 16 bytes */
    change.sid = sid;
    for (change.sid_size = 0; change.sid_size < 16; change.sid_size++) {
        assert_int_equal(event_of(&change, &event), 0);
        check(&event, WMI_FILTER_User, "-");
    }
    change.sid_size = 200;
    assert_int_equal(event_of(&change, &event), 0);
    check(&event, WMI_FILTER_User, "-");
}

static void long_script(void **state)
{
    static char script[100000];
    struct wmi_change change = change_of("__InstanceCreationEvent", "ActiveScriptEventConsumer");
    struct event event;

    memset(script, '"', sizeof(script) - 1);
    change.text[WMI_TEXT_SCRIPT] = text(script);
    assert_int_equal(event_of(&change, &event), 0);
    assert_int_equal(event.text[WMI_CONSUMER_Destination].size, 3 + 2 * 65535);
    for (unsigned i = 0; i < WMI_TEXT_COUNT; i++)
        change.text[i] = text(script);
    assert_true(wmi_pack(NULL, &change) <= WMI_PACKED_LIMIT);
}

static int forget(void **state)
{
    pool_free(&pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(filter), cmocka_unit_test(consumers), cmocka_unit_test(binding),
                                        cmocka_unit_test(creators), cmocka_unit_test(long_script) };

    return cmocka_run_group_tests(tests, NULL, forget);
}
