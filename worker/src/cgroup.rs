//! The memory limit that Linux sets the process: that of its control groups, of both versions.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

const CGROUP: &str = "/proc/self/cgroup";
const MOUNTS: &str = "/proc/self/mountinfo";

/// What version 1 shows where nothing is limited: the greatest number of bytes in whole pages. No machine has so much.
const UNLIMITED: u64 = 1 << 60;

/// A memory limit of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryLimit {
    /// How many bytes.
    pub bytes: u64,
    /// The file that says so.
    pub file: PathBuf,
}

/// The memory limit of the process: the smallest of its control group and those that this one is in, as far as the process sees
/// them. `None` where there is none, and on other systems.
pub fn memory_limit() -> Option<MemoryLimit> {
    // Neither file is there on other systems.
    let (groups, mounts) = (fs::read_to_string(CGROUP).ok()?, fs::read_to_string(MOUNTS).ok()?);
    smallest(files(&groups, &mounts), |file| fs::read_to_string(file))
}

fn smallest(files: Vec<PathBuf>, read: impl Fn(&Path) -> io::Result<String>) -> Option<MemoryLimit> {
    let limit = |file: PathBuf| match read(&file) {
        Ok(text) => match bytes(&text) {
            Ok(bytes) => Some(MemoryLimit { bytes: bytes?, file }),
            Err(text) => {
                tracing::warn!(file = %file.display(), text, "a memory limit is not understood; set limits.batchKeys");
                None
            }
        },
        // The outermost group has no limit, and no file.
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "a memory limit cannot be read; set limits.batchKeys");
            None
        }
    };
    files.into_iter().filter_map(limit).min_by_key(|limit| limit.bytes)
}

/// The bytes of a limit; nothing where it says that there is none.
fn bytes(text: &str) -> Result<Option<u64>, &str> {
    match text.trim() {
        "max" => Ok(None),
        text => text.parse().map(|bytes| Some(bytes).filter(|bytes| *bytes < UNLIMITED)).map_err(|_| text),
    }
}

/// The files that may limit the memory of a process, by the texts of `/proc/self/cgroup` and `/proc/self/mountinfo`.
fn files(groups: &str, mounts: &str) -> Vec<PathBuf> {
    mounts.lines().filter_map(Mount::parse).flat_map(|mount| mount.files(groups)).collect()
}

/// A mounted hierarchy of control groups that limits memory.
struct Mount<'a> {
    /// The group that is to be seen at its place: the container's own, say.
    root: &'a str,
    place: &'a str,
    is_version_2: bool,
}

impl<'a> Mount<'a> {
    /// Of a line like `35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory`.
    fn parse(line: &'a str) -> Option<Self> {
        let (mount, system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (root, place) = (mount.next()?, mount.next()?);
        let mut system = system.split(' ');
        let (kind, options) = (system.next()?, system.nth(1).unwrap_or_default());
        match kind {
            "cgroup2" => Some(Self { root, place, is_version_2: true }),
            "cgroup" if options.split(',').any(|option| option == "memory") => {
                Some(Self { root, place, is_version_2: false })
            }
            _ => None,
        }
    }

    /// The files of the process's group and of those around it.
    fn files(&self, groups: &str) -> Vec<PathBuf> {
        let name = if self.is_version_2 { "memory.max" } else { "memory.limit_in_bytes" };
        let place = Path::new(self.place);
        // A group that is not to be seen here: what is to be seen is what holds for the process.
        let within = groups.lines().find_map(|line| self.group(line)).and_then(|group| below(self.root, group));
        let own = within.map_or_else(|| place.to_owned(), |group| place.join(group));
        own.ancestors().take_while(|group| group.starts_with(place)).map(|group| group.join(name)).collect()
    }

    /// The group in a line like `4:memory:/a/b` of version 1 or `0::/a/b` of version 2.
    fn group<'g>(&self, line: &'g str) -> Option<&'g str> {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, group) = (fields.next()?, fields.next()?);
        let is_ours = if self.is_version_2 {
            controllers.is_empty()
        } else {
            controllers.split(',').any(|controller| controller == "memory")
        };
        is_ours.then_some(group)
    }
}

/// A group's path from the root of its mount on, if it is below that.
fn below<'a>(root: &str, group: &'a str) -> Option<&'a str> {
    let rest = group.strip_prefix(root.trim_end_matches('/'))?;
    let is_below = rest.is_empty() || rest.starts_with('/');
    // A group outside of the container's is told by `..`.
    (is_below && !rest.split('/').any(|part| part == "..")).then(|| rest.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION_2: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
    const VERSION_1: &str = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
        33 31 0:30 /docker/ab12 /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
        35 31 0:32 /docker/ab12 /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n";

    fn names(groups: &str, mounts: &str) -> Vec<String> {
        files(groups, mounts).into_iter().map(|file| file.display().to_string()).collect()
    }

    #[test]
    fn a_group_and_all_around_it_are_looked_at() {
        assert_eq!(
            names("0::/kubepods.slice/pod1/worker\n", VERSION_2),
            [
                "/sys/fs/cgroup/kubepods.slice/pod1/worker/memory.max",
                "/sys/fs/cgroup/kubepods.slice/pod1/memory.max",
                "/sys/fs/cgroup/kubepods.slice/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        // A namespace of its own: the container's group is the root.
        assert_eq!(names("0::/\n", VERSION_2), ["/sys/fs/cgroup/memory.max"]);
        assert_eq!(names("0::/../../other\n", VERSION_2), ["/sys/fs/cgroup/memory.max"]);
    }

    #[test]
    fn in_version_1_the_mount_says_which_group_is_to_be_seen() {
        let limit = |path: &str| format!("/sys/fs/cgroup/memory{path}/memory.limit_in_bytes");
        let groups = |path: &str| format!("9:name=systemd:/\n5:cpu,cpuacct:/other\n4:memory:{path}\n0::/\n");
        assert_eq!(names(&groups("/docker/ab12"), VERSION_1), [limit("")]);
        assert_eq!(names(&groups("/docker/ab12/inner"), VERSION_1), [limit("/inner"), limit("")]);
        assert_eq!(names(&groups("/docker/ab123"), VERSION_1), [limit("")], "another group whose name begins alike");
        assert_eq!(names("", VERSION_1), [limit("")]);
        assert_eq!(names("0::/\n", ""), [""; 0]);
    }

    #[test]
    fn both_versions_side_by_side_are_looked_at() {
        let found = names("4:memory:/docker/ab12\n0::/x\n", &format!("{VERSION_1}{VERSION_2}"));
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn the_smallest_limit_holds_and_no_limit_is_none() {
        let of = |texts: &'static [(&'static str, &'static str)]| {
            let files = texts.iter().map(|(file, _)| PathBuf::from(file)).collect();
            let found = smallest(files, |file| {
                let text = texts.iter().find(|(name, text)| Path::new(name) == file && !text.is_empty());
                text.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
            });
            found.map(|limit| (limit.bytes, limit.file.display().to_string()))
        };
        assert_eq!(of(&[("a", "max\n"), ("b", "9223372036854771712\n"), ("c", "")]), None);
        assert_eq!(of(&[("a", "max\n"), ("b", "1073741824\n"), ("c", "536870912\n")]), Some((536_870_912, "c".into())));
        assert_eq!(of(&[("a", "a lot\n"), ("b", "1073741824\n")]), Some((1 << 30, "b".into())));
    }
}
