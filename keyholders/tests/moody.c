/* A PKCS#11 module with moods: SoftHSM, except for what the words in the file $MOODY_WORDS change.
 *
 * No real token at hand locks, has its own PIN pad, wants its PIN for each signature or is pulled out; this one does.
 * Each C_Login that reaches it adds a line to the file $MOODY_WORDS.log. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long ulong;
typedef struct { unsigned char major, minor; void *function[68]; } functions;
typedef struct { unsigned char label[32], maker[32], model[16], serial[16]; ulong flags; } token_info;
typedef struct { ulong type; void *value; ulong length; } attribute;
typedef struct { ulong slot, state, flags, error; } session_info;

/* Places in CK_FUNCTION_LIST (PKCS#11 2.40, section 5). */
enum { TOKEN_INFO = 6, SESSION_INFO = 15, LOGIN = 18, ATTRIBUTE = 24, FIND_INIT = 26, FIND = 27, SIGN_INIT = 42,
       SIGN = 43, SIGN_UPDATE = 44, SIGN_FINAL = 45 };
enum { PIN_INCORRECT = 0xa0, NOT_INITIALIZED = 0x91, NOT_LOGGED_IN = 0x101, NOT_PRESENT = 0xe0 };

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

static ulong get_token_info(ulong slot, token_info *info) {
    if (in_mood("gone")) return NOT_PRESENT;
    ulong rv = CALL(TOKEN_INFO, (ulong, token_info *))(slot, info);
    if (in_mood("low")) info->flags |= 0x10000;
    if (in_mood("final")) info->flags |= 0x20000;
    if (in_mood("locked")) info->flags |= 0x40000;
    if (in_mood("pad")) info->flags |= 0x100;
    if (in_mood("write-protected")) info->flags |= 0x2;
    if (in_mood("swapped")) memcpy(info->serial, "another one     ", 16);
    return rv;
}

static ulong login(ulong session, ulong user, unsigned char *pin, ulong pin_length) {
    char path[4096];
    snprintf(path, sizeof path, "%s.log", getenv("MOODY_WORDS"));
    FILE *log = fopen(path, "a");
    fprintf(log, "user %lu, %s\n", user, pin ? "PIN" : "pad");
    fclose(log);
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
    return CALL(ATTRIBUTE, (ulong, ulong, attribute *, ulong))(session, object, attributes, count);
}

static ulong find_objects_init(ulong session, attribute *attributes, ulong count) {
    finds_public = count > 0 && attributes->type == 0 && *(ulong *)attributes->value == 2;
    return CALL(FIND_INIT, (ulong, attribute *, ulong))(session, attributes, count);
}

static ulong find_objects(ulong session, ulong *objects, ulong most, ulong *count) {
    session_info info;
    CALL(SESSION_INFO, (ulong, session_info *))(session, &info);
    ulong rv = CALL(FIND, (ulong, ulong *, ulong, ulong *))(session, objects, most, count);
    int logged_in = info.state == 1 || info.state == 3;
    if ((in_mood("hidden") && !logged_in) || (in_mood("alone") && finds_public)) *count = 0;
    return rv;
}

static ulong sign_init(ulong session, void *mechanism, ulong key) {
    authenticated = 0, length = 0;
    return CALL(SIGN_INIT, (ulong, void *, ulong))(session, mechanism, key);
}

static ulong sign(ulong session, unsigned char *input, ulong size, unsigned char *signature, ulong *signature_length) {
    if (in_mood("always") && !authenticated) return NOT_LOGGED_IN;
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

ulong C_GetFunctionList(functions **list) {
    void *library = dlopen(getenv("MOODY_REAL"), RTLD_NOW | RTLD_LOCAL);
    ulong (*theirs)(functions **) = library ? (ulong(*)(functions **))dlsym(library, "C_GetFunctionList") : NULL;
    if (!theirs || theirs(&real)) return 5;
    mine = *real;
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
