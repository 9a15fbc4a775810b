/* A PKCS#11 module with moods: SoftHSM, except for what the words in the file $MOODY_WORDS change.
 *
 * No real token at hand locks, has its own PIN pad, wants its PIN for each signature or is pulled out; this one does.
 * No real module at hand fails on request either: hang-C_Login never returns, crash-C_Login ends the process,
 * garbage-C_Login returns a number without a meaning; so for each function that calls strikes() with its name.
 * Each C_Login that reaches it adds a line to the file $MOODY_WORDS.log. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong;
typedef struct { unsigned char major, minor; void *function[68]; } functions;
typedef struct { unsigned char label[32], maker[32], model[16], serial[16]; ulong flags; } token_info;
typedef struct { ulong type; void *value; ulong length; } attribute;
typedef struct { ulong slot, state, flags, error; } session_info;

/* Places in CK_FUNCTION_LIST (PKCS#11 2.40, section 5). */
enum { INITIALIZE = 0, SLOTS = 4, TOKEN_INFO = 6, OPEN = 12, SESSION_INFO = 15, LOGIN = 18, ATTRIBUTE = 24, FIND_INIT = 26,
       FIND = 27, SIGN_INIT = 42, SIGN = 43, SIGN_UPDATE = 44, SIGN_FINAL = 45, GENERATE = 59 };
enum { PIN_INCORRECT = 0xa0, NOT_INITIALIZED = 0x91, NOT_LOGGED_IN = 0x101, NOT_PRESENT = 0xe0 };

/* More bytes, objects or slots than there can be. */
static const ulong ENDLESS = 1ul << 62;

static functions mine, *real;
static int finds_public, authenticated;
static unsigned char data[1024];
static ulong length;

#define CALL(place, type) ((ulong(*) type)real->function[place])

static int in_mood(const char *word) {
    char text[256] = {0};
    FILE *file = fopen(getenv("MOODY_WORDS"), "r");
    if (!file) return 0;
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = 0;
    for (char *each = strtok(text, " \n"); each; each = strtok(NULL, " \n"))
        if (!strcmp(each, word)) return 1;
    return 0;
}

static ulong strikes(const char *function) {
    char word[64];
    snprintf(word, sizeof word, "hang-%s", function);
    if (in_mood(word)) for (;;) pause();
    snprintf(word, sizeof word, "crash-%s", function);
    if (in_mood(word)) *(volatile int *)NULL = 1;
    snprintf(word, sizeof word, "garbage-%s", function);
    return in_mood(word) ? 0x5bad : 0;
}

__attribute__((constructor)) static void load(void) { strikes("load"); }

__attribute__((destructor)) static void unload(void) { strikes("unload"); }

static ulong initialize(void *arguments) {
    ulong struck = strikes("C_Initialize");
    return struck ? struck : CALL(INITIALIZE, (void *))(arguments);
}

static ulong get_slot_list(unsigned char with_token, ulong *slots, ulong *count) {
    ulong struck = strikes("C_GetSlotList");
    if (struck) return struck;
    if (in_mood("endless-slots") && !slots) return *count = ENDLESS, 0;
    return CALL(SLOTS, (unsigned char, ulong *, ulong *))(with_token, slots, count);
}

static ulong get_token_info(ulong slot, token_info *info) {
    if (in_mood("gone")) return NOT_PRESENT;
    ulong struck = strikes("C_GetTokenInfo");
    if (struck) return struck;
    ulong rv = CALL(TOKEN_INFO, (ulong, token_info *))(slot, info);
    if (in_mood("low")) info->flags |= 0x10000;
    if (in_mood("final")) info->flags |= 0x20000;
    if (in_mood("strict") && info->flags & 0x10000) info->flags |= 0x20000;
    if (in_mood("locked")) info->flags |= 0x40000;
    if (in_mood("pad")) info->flags |= 0x100;
    if (in_mood("write-protected")) info->flags |= 0x2;
    if (in_mood("open")) info->flags &= ~0x4ul;
    if (in_mood("bad-names")) memcpy(info->label, "\033[2J\n\0ok\xff\xfe, enter 123456 at evil", 32);
    if (in_mood("bad-names")) memset(info->maker, '\0', 32), memset(info->model, '\r', 16);
    if (in_mood("swapped")) memcpy(info->serial, "another one     ", 16);
    return rv;
}

static ulong open_session(ulong slot, ulong flags, void *data_of_caller, void *notify, ulong *session) {
    ulong struck = strikes("C_OpenSession");
    if (struck) return struck;
    ulong rv = CALL(OPEN, (ulong, ulong, void *, void *, ulong *))(slot, flags, data_of_caller, notify, session);
    if (in_mood("open")) CALL(LOGIN, (ulong, ulong, void *, ulong))(*session, 1, "123456", 6);
    return rv;
}

static ulong login(ulong session, ulong user, unsigned char *pin, ulong pin_length) {
    char path[4096];
    snprintf(path, sizeof path, "%s.log", getenv("MOODY_WORDS"));
    FILE *log = fopen(path, "a");
    fprintf(log, "user %lu, %s\n", user, pin ? "PIN" : "pad");
    fclose(log);
    ulong struck = strikes("C_Login");
    if (struck) return struck;
    if (!pin && in_mood("pad")) pin = (unsigned char *)"123456", pin_length = 6;
    if (user != 2) return CALL(LOGIN, (ulong, ulong, void *, ulong))(session, user, pin, pin_length);
    if (pin_length != 6 || memcmp(pin, "123456", 6)) return PIN_INCORRECT;
    authenticated = 1;
    return 0;
}

static ulong get_attribute_value(ulong session, ulong object, attribute *attributes, ulong count) {
    if (in_mood("always") && count == 1 && attributes->type == 0x202 && attributes->value) {
        *(unsigned char *)attributes->value = 1;
        attributes->length = 1;
        return 0;
    }
    ulong struck = strikes("C_GetAttributeValue");
    if (struck) return struck;
    ulong claimed = in_mood("endless-attributes") ? ENDLESS : in_mood("long-attributes") ? 60000 : 0;
    for (ulong i = 0; claimed && i < count; i++) {
        if (attributes[i].value) memset(attributes[i].value, 4, attributes[i].length);
        else attributes[i].length = claimed;
    }
    if (claimed) return 0;
    return CALL(ATTRIBUTE, (ulong, ulong, attribute *, ulong))(session, object, attributes, count);
}

static ulong find_objects_init(ulong session, attribute *attributes, ulong count) {
    finds_public = count > 0 && attributes->type == 0 && *(ulong *)attributes->value == 2;
    return CALL(FIND_INIT, (ulong, attribute *, ulong))(session, attributes, count);
}

static ulong find_objects(ulong session, ulong *objects, ulong most, ulong *count) {
    ulong struck = strikes("C_FindObjects");
    if (struck) return struck;
    session_info info;
    CALL(SESSION_INFO, (ulong, session_info *))(session, &info);
    ulong rv = CALL(FIND, (ulong, ulong *, ulong, ulong *))(session, objects, most, count);
    int logged_in = info.state == 1 || info.state == 3;
    if ((in_mood("hidden") && !logged_in) || (in_mood("alone") && finds_public)) *count = 0;
    if (in_mood("endless-objects")) *count = ENDLESS;
    return rv;
}

static ulong sign_init(ulong session, void *mechanism, ulong key) {
    authenticated = 0, length = 0;
    return CALL(SIGN_INIT, (ulong, void *, ulong))(session, mechanism, key);
}

static ulong sign(ulong session, unsigned char *input, ulong size, unsigned char *signature, ulong *signature_length) {
    ulong struck = strikes("C_Sign");
    if (struck) return struck;
    if (in_mood("always") && !authenticated) return NOT_LOGGED_IN;
    if (in_mood("endless-signature") && !signature) return *signature_length = ENDLESS, 0;
    ulong rv = CALL(SIGN, (ulong, void *, ulong, void *, ulong *))(session, input, size, signature, signature_length);
    if (in_mood("lying") && signature) signature[*signature_length / 2] ^= 1;
    if (in_mood("short") && signature) *signature_length -= 1;
    return rv;
}

static ulong sign_update(ulong session, unsigned char *part, ulong size) {
    (void)session;
    if (in_mood("single")) return NOT_INITIALIZED;
    if (!authenticated || length + size > sizeof data) return NOT_LOGGED_IN;
    memcpy(data + length, part, size);
    length += size;
    return 0;
}

static ulong sign_final(ulong session, unsigned char *signature, ulong *signature_length) {
    return sign(session, data, length, signature, signature_length);
}

static ulong generate_key_pair(ulong session, void *mechanism, void *public, ulong public_count, void *private,
                               ulong private_count, ulong *public_key, ulong *private_key) {
    ulong struck = strikes("C_GenerateKeyPair");
    if (struck) return struck;
    return CALL(GENERATE, (ulong, void *, void *, ulong, void *, ulong, ulong *, ulong *))(
        session, mechanism, public, public_count, private, private_count, public_key, private_key);
}

ulong C_GetFunctionList(functions **list) {
    void *library = dlopen(getenv("MOODY_REAL"), RTLD_NOW | RTLD_LOCAL);
    ulong (*theirs)(functions **) = library ? (ulong(*)(functions **))dlsym(library, "C_GetFunctionList") : NULL;
    if (!theirs || theirs(&real)) return 5;
    mine = *real;
    mine.function[INITIALIZE] = initialize;
    mine.function[SLOTS] = get_slot_list;
    mine.function[OPEN] = open_session;
    mine.function[GENERATE] = generate_key_pair;
    mine.function[TOKEN_INFO] = get_token_info;
    mine.function[LOGIN] = login;
    mine.function[ATTRIBUTE] = get_attribute_value;
    mine.function[FIND_INIT] = find_objects_init;
    mine.function[FIND] = find_objects;
    mine.function[SIGN_INIT] = sign_init;
    mine.function[SIGN] = sign;
    mine.function[SIGN_UPDATE] = sign_update;
    mine.function[SIGN_FINAL] = sign_final;
    *list = &mine;
    return 0;
}
