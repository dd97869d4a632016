# What the reference makes of each text, in a world that is handed over.
import grp, io, os, platform, pwd, sys, types

world = cases['world']
os.environ.clear()
os.environ.update(world['env'])

from supervisor import datatypes, events, options, poller
import supervisor.rpcinterface


def found(value):
    if value is None:
        raise KeyError('not found')
    return value


def by_name(table):
    return lambda name: found((name, 'x', table[name], table[name], '', '/home/' + name if table[name] else '/root')
                              if name in table else None)


def by_id(table):
    names = {number: name for name, number in table.items()}
    return lambda number: found(by_name(table)(names[number]) if number in names else None)


class Record(tuple):
    pw_dir = property(lambda self: self[5])


users, groups = world['users'], world['groups']
pwd.getpwnam = lambda name: Record(by_name(users)(name))
pwd.getpwuid = lambda uid: Record(by_id(users)(uid))
grp.getgrnam, grp.getgrgid = by_name(groups), by_id(groups)
os.getuid = lambda: 0
os.getcwd = lambda: world['cwd']
platform.node = lambda: 'oracle-host'
os.path.isdir = lambda path: os.path.normpath(os.path.join(world['cwd'], path)) in world['dirs']
import tempfile
tempfile.tempdir = '/tmp'
poller.Poller = lambda options: None
options.ServerOptions.default_configfile = lambda self: None


class Refused(Exception):
    pass


class File(io.StringIO):
    name = world['main']


class Reader(options.ServerOptions):
    text = ''

    def usage(self, message):
        raise Refused(str(message))

    def exists(self, path):
        return True

    def open(self, path, mode='r'):
        return File(self.text)


def plain(value):
    if value is datatypes.Automatic:
        return 'auto'
    if value is datatypes.RestartWhenExitUnexpected:
        return 'unexpected'
    if value is datatypes.RestartUnconditionally:
        return True
    return list(value) if isinstance(value, tuple) else value


def process(config):
    return {name: plain(getattr(config, name)) for name in config.req_param_names + config.optional_param_names}


def group(config):
    shown = {'class': type(config).__name__, 'name': config.name, 'priority': config.priority,
             'processes': [process(member) for member in config.process_configs]}
    if hasattr(config, 'pool_events'):
        names = {cls: name for name, cls in vars(events.EventTypes).items() if isinstance(cls, type)}
        handler = config.result_handler
        shown['pool_events'] = [names[cls] for cls in config.pool_events]
        shown['buffer_size'] = config.buffer_size
        shown['result_handler'] = '%s:%s' % (handler.__module__, handler.__name__)
    if hasattr(config, 'socket_config'):
        socket = config.socket_config
        shown['socket'] = {'url': socket.url, 'backlog': socket.get_backlog(), 'mode': getattr(socket, 'mode', None),
                           'owner': plain(getattr(socket, 'owner', None))}
    return shown


def model(reader):
    names = ('childlogdir directory identifier logfile logfile_backups logfile_maxbytes loglevel minfds minprocs '
             'nocleanup nodaemon pidfile serverurl silent strip_ansi uid umask')
    supervisord = {name: plain(getattr(reader, name)) for name in names.split()}
    supervisord['environment'] = reader.configroot.supervisord.environment
    for flag in ('nocleanup', 'nodaemon', 'silent', 'strip_ansi'):
        supervisord[flag] = bool(supervisord[flag])
    servers = []
    for config in reader.server_configs:
        config = {key: plain(value) for key, value in config.items()}
        config['family'] = config['family'].name
        servers.append(config)
    return {'supervisord': supervisord, 'servers': servers,
            'groups': [group(config) for config in reader.process_group_configs]}


out = []
for text in cases['texts']:
    reader = Reader()
    reader.text = text
    try:
        reader.realize(['-c', world['main']], doc='', progname='supervisord')
        out.append({'ok': model(reader)})
    except Refused as refused:
        out.append({'error': str(refused)})
    except Exception as error:
        out.append({'error': '%s: %s' % (type(error).__name__, error)})
answer(out)
