# The workers on workerd: `workerd serve workers.capnp NAME --socket-addr http=127.0.0.1:PORT`.

using Workerd = import "/workerd/workerd.capnp";

const guide :Workerd.Config = (
  services = [ (name = "main", worker = .guideWorker), .loopback ],
  sockets = [ (name = "http", http = (), service = "main") ],
);

const tuned :Workerd.Config = (
  services = [ (name = "main", worker = .tunedWorker), .loopback ],
  sockets = [ (name = "http", http = (), service = "main") ],
);

const loopback :Workerd.Service = (name = "internet", network = (allow = ["local", "private"]));

const guideWorker :Workerd.Worker = (
  modules = [
    (name = "guide.js", esModule = embed "guide.js"),
    (name = "page.js", esModule = embed "page.js"),
  ],
  bindings = [
    (name = "SM_API_URL", fromEnvironment = "SM_API_URL"),
    (name = "SM_API_CLIENT_ID", fromEnvironment = "SM_API_CLIENT_ID"),
    (name = "SM_API_CLIENT_SECRET", fromEnvironment = "SM_API_CLIENT_SECRET"),
    (name = "SESSION_SECRET", fromEnvironment = "SESSION_SECRET"),
    (name = "READS", fromEnvironment = "READS"),
  ],
  compatibilityDate = "2026-11-17",
);

const tunedWorker :Workerd.Worker = (
  modules = [
    (name = "tuned.js", esModule = embed "tuned.js"),
    (name = "page.js", esModule = embed "page.js"),
  ],
  bindings = [
    (name = "SM_API_URL", fromEnvironment = "SM_API_URL"),
    (name = "SM_API_CLIENT_ID", fromEnvironment = "SM_API_CLIENT_ID"),
    (name = "SM_API_CLIENT_SECRET", fromEnvironment = "SM_API_CLIENT_SECRET"),
    (name = "SESSION_SECRET", fromEnvironment = "SESSION_SECRET"),
    (name = "FRESHNESS_MS", fromEnvironment = "FRESHNESS_MS"),
  ],
  compatibilityDate = "2026-11-17",
);
