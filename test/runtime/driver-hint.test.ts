import { expect, test } from 'vitest'
import { driverHint } from '../../src/runtime/driver-hint.ts'

const linux = (text: string) => driverHint('linux', text)

test.each([
  ['Debian 12', 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n', 'bookworm-backports'],
  ['Debian 12', 'VERSION_ID="12"\nID=debian\n', 'npm run setup-driver'],
  ['Debian 11', 'VERSION_ID="11"\nID=debian\n', 'too old'],
  ['Debian 13', 'VERSION_ID="13"\nID=debian\n', '`sudo apt install mesa-vulkan-drivers`'],
  ['Debian testing', 'ID=debian\n', '`sudo apt install mesa-vulkan-drivers`'],
  ['Ubuntu 22.04', 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="22.04"', 'too old'],
  ['Ubuntu 24.04', 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"', '`sudo apt install mesa-vulkan-drivers`'],
  ['Mint', 'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_ID="22"', '`sudo apt install mesa-vulkan-drivers`'],
  ['Fedora', 'ID=fedora\nVERSION_ID=41', 'dnf install'],
  ['Alpine', 'ID=alpine\nVERSION_ID=3.20', 'musl'],
  ['unknown', '', 'install a Vulkan driver'],
])('on %s', (_, text, expected) => {
  expect(linux(text)).toContain(expected)
})

test('macOS and Windows bring their drivers with them', () => {
  expect(driverHint('darwin', '')).toContain('update macOS')
  expect(driverHint('win32', '')).toContain("graphics card's driver")
})
