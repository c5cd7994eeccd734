/** What to install when there is no adapter, by system. `osRelease` is the text of /etc/os-release, or ''. */
export function driverHint(platform: string, osRelease: string): string {
  if (platform === 'darwin') return 'update macOS: its graphics drivers come with it (Metal is needed)'
  if (platform === 'win32') return "update the graphics card's driver (Direct3D 12 or Vulkan is needed)"
  const id = field(osRelease, 'ID')
  const version = Number.parseFloat(field(osRelease, 'VERSION_ID'))
  const like = `${id} ${field(osRelease, 'ID_LIKE')}`
  if (id === 'debian' && version === 12) {
    return (
      "Debian 12's own Vulkan driver is too old: run `npm run setup-driver`, or enable bookworm-backports and " +
      '`sudo apt install -t bookworm-backports mesa-vulkan-drivers`'
    )
  }
  if ((id === 'debian' && version < 12) || (id === 'ubuntu' && version < 24.04)) {
    return 'the Vulkan drivers of this system are too old: upgrade it, or install Mesa 24 or newer'
  }
  if (/debian|ubuntu/.test(like)) return '`sudo apt install mesa-vulkan-drivers`'
  if (/fedora|rhel|centos/.test(like)) return '`sudo dnf install mesa-vulkan-drivers`'
  if (/arch/.test(like)) return '`sudo pacman -S vulkan-swrast` (or the Vulkan package of your card)'
  if (/suse/.test(like)) return '`sudo zypper install libvulkan_lvp`'
  if (/alpine/.test(like)) return 'use a glibc-based system: Dawn has no build for musl'
  return 'install a Vulkan driver: Mesa 24 or newer, or the one of your graphics card'
}

function field(osRelease: string, name: string): string {
  const line = osRelease.split('\n').find((l) => l.startsWith(`${name}=`))
  return (line ?? '').slice(name.length + 1).replace(/^["']|["']$/g, '')
}
