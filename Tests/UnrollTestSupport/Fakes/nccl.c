// A stand-in for NCCL, whose processes are threads of this one, and whose GPUs' memory is the host's. Calls return at once,
// and what they begin is done by later questions for its state, as with a communicator that does not block.

enum {
    SUCCESS = 0,
    SYSTEM_ERROR = 2,
    INVALID_ARGUMENT = 4,
    IN_PROGRESS = 7,
};

static struct number numbers[] = {
    {"version", 22703},
    // The state of every communicator, if it is not 0, and whether messages are never carried.
    {"state", 0}, {"stuck", 0},
    {"communicators", 0}, {"messages", 0},
    {0, 0},
};

typedef struct {
    char bytes[128];
} identity;

typedef struct {
    size_t size;
    unsigned magic, version;
    int blocking;
} settings;

typedef struct message {
    int is_sent, peer, is_done;
    char *bytes;
    size_t size;
    struct message *next;
} message;

typedef struct communicator {
    identity id;
    int rank, size, is_joined;
    message *first, **last;
    struct communicator *next;
} communicator;

static communicator *communicators;
static int identity_count;
// What this thread's group has begun.
static _Thread_local communicator *began;
static _Thread_local int depth;

int ncclGetVersion(int *version) {
    ENTER("ncclGetVersion");
    *version = *number("version");
    return leave(0);
}

const char *ncclGetErrorString(int code) {
    return code == SYSTEM_ERROR ? "unhandled system error" : code == INVALID_ARGUMENT ? "invalid argument" : "an error";
}

const char *ncclGetLastError(communicator *c) {
    return c ? "the network\nis down" : 0;
}

int ncclGetUniqueId(identity *id) {
    ENTER("ncclGetUniqueId");
    memset(id, 0, sizeof *id);
    snprintf(id->bytes, sizeof id->bytes, "identity %d", identity_count++);
    // Its end must arrive, too.
    id->bytes[127] = 'x';
    return leave(0);
}

int ncclCommInitRankConfig(communicator **result, int size, identity id, int rank, settings *s) {
    ENTER("ncclCommInitRankConfig", "%d %s%c %d", size, id.bytes, id.bytes[127], rank);
    if (s->magic != 0xcafebeef || s->size != 24 || s->version != 21400 || s->blocking) return leave(INVALID_ARGUMENT);
    if (rank < 0 || rank >= size) return leave(INVALID_ARGUMENT);
    communicator *c = calloc(1, sizeof *c);
    *c = (communicator){id, rank, size, 0, 0, &c->first, communicators};
    communicators = c;
    ++*number("communicators");
    *result = c;
    return leave(IN_PROGRESS);
}

static communicator *member(communicator *c, int rank) {
    for (communicator *other = communicators; other; other = other->next)
        if (!memcmp(&other->id, &c->id, sizeof c->id) && other->rank == rank) return other;
    return 0;
}

// Carries the messages of a communicator for which the other side is there, in the order in which they were begun.
static void carry(communicator *c) {
    for (message *m = c->first; m; m = m->next) {
        if (m->is_done) continue;
        communicator *peer = member(c, m->peer);
        message *n = peer ? peer->first : 0;
        while (n && (n->is_done || n->is_sent == m->is_sent || n->peer != c->rank)) n = n->next;
        if (!n) continue;
        if (n->size != m->size) abort();
        memcpy(m->is_sent ? n->bytes : m->bytes, m->is_sent ? m->bytes : n->bytes, m->size);
        n->is_done = m->is_done = 1;
        ++*number("messages");
    }
}

static int is_done(communicator *c) {
    for (int rank = 0; rank < c->size && !c->is_joined; rank++)
        if (!member(c, rank)) return 0;
    c->is_joined = 1;
    for (message *m = c->first; m; m = m->next)
        if (!m->is_done) return 0;
    return 1;
}

// Not recorded, as it is asked for again and again.
int ncclCommGetAsyncError(communicator *c, int *state) {
    pthread_mutex_lock(&mutex);
    int planned = planned_failure("ncclCommGetAsyncError");
    if (planned) return leave(planned);
    *state = *number("state");
    if (*state) return leave(0);
    if (!*number("stuck")) carry(c);
    *state = is_done(c) ? SUCCESS : IN_PROGRESS;
    while (!*state && c->first) {
        message *m = c->first;
        c->first = m->next;
        free(m);
    }
    if (!c->first) c->last = &c->first;
    return leave(0);
}

int ncclCommAbort(communicator *c) {
    ENTER("ncclCommAbort", "%d", c->rank);
    communicator **place = &communicators;
    while (*place && *place != c) place = &(*place)->next;
    if (!*place) abort();
    *place = c->next;
    while (c->first) {
        message *m = c->first;
        c->first = m->next;
        free(m);
    }
    free(c);
    --*number("communicators");
    return leave(0);
}

int ncclGroupStart(void) {
    ENTER("ncclGroupStart");
    depth++;
    return leave(0);
}

int ncclGroupEnd(void) {
    ENTER("ncclGroupEnd");
    if (!depth--) return leave(INVALID_ARGUMENT);
    int result = began ? IN_PROGRESS : SUCCESS;
    began = 0;
    return leave(result);
}

static int begin(communicator *c, int is_sent, void *bytes, size_t size, int type, int peer) {
    if (!depth || type || peer < 0 || peer >= c->size) return INVALID_ARGUMENT;
    message *m = calloc(1, sizeof *m);
    *m = (message){is_sent, peer, 0, bytes, size, 0};
    *c->last = m;
    c->last = &m->next;
    began = c;
    return SUCCESS;
}

int ncclSend(void *bytes, size_t size, int type, int peer, communicator *c, void *stream) {
    ENTER("ncclSend", "%zu %d %s", size, peer, stream ? "stream" : "");
    return leave(begin(c, 1, bytes, size, type, peer));
}

int ncclRecv(void *bytes, size_t size, int type, int peer, communicator *c, void *stream) {
    ENTER("ncclRecv", "%zu %d %s", size, peer, stream ? "stream" : "");
    return leave(begin(c, 0, bytes, size, type, peer));
}
