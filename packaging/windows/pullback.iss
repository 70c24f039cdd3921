; The installer for Windows, made by Inno Setup 6 from dist\pullback:
;   iscc /DVersion=0.1.0 packaging\windows\pullback.iss
; It needs no administrator; files are associated for the user who installs it.

#ifndef Version
  #error Version is not set: iscc /DVersion=…
#endif
#define Root "..\.."

[Setup]
AppId={{6B0B1F53-6F0B-4C0C-9E5E-5A0E7B5C2D11}
AppName=Pullback
AppVersion={#Version}
AppPublisher=Pullback contributors
VersionInfoVersion={#Version}
LicenseFile={#Root}\LICENSE
SetupIconFile={#Root}\assets\icons\pullback.ico
UninstallDisplayIcon={app}\pullback.exe
UninstallDisplayName=Pullback
DefaultDirName={autopf}\Pullback
DisableProgramGroupPage=yes
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
ChangesAssociations=yes
Compression=lzma2/max
SolidCompression=yes
OutputDir={#Root}\dist
OutputBaseFilename=pullback-{#Version}-windows-setup

[Languages]
Name: "en"; MessagesFile: "compiler:Default.isl"

[Tasks]
Name: "desktopicon"; Description: "{cm:CreateDesktopIcon}"; Flags: unchecked

[Files]
Source: "{#Root}\dist\pullback\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion

[InstallDelete]
; What an older version had and this one has not.
Type: filesandordirs; Name: "{app}\_internal"

[Icons]
Name: "{autoprograms}\Pullback"; Filename: "{app}\pullback.exe"
Name: "{autodesktop}\Pullback"; Filename: "{app}\pullback.exe"; Tasks: desktopicon

[Registry]
; A trace opens with Pullback; programs and lessons offer it under "Open with" and stay with what they open with now.
Root: HKA; Subkey: "Software\Classes\.pullback"; ValueType: string; ValueData: "Pullback.Trace"; Flags: uninsdeletevalue
Root: HKA; Subkey: "Software\Classes\Pullback.Trace"; ValueType: string; ValueData: "Pullback trace"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\Pullback.Trace\DefaultIcon"; ValueType: string; ValueData: "{app}\pullback.exe,0"
Root: HKA; Subkey: "Software\Classes\Pullback.Trace\shell\open\command"; ValueType: string; ValueData: """{app}\pullback.exe"" ""%1"""
Root: HKA; Subkey: "Software\Classes\Applications\pullback.exe"; ValueType: string; ValueName: "FriendlyAppName"; ValueData: "Pullback"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\Applications\pullback.exe\shell\open\command"; ValueType: string; ValueData: """{app}\pullback.exe"" ""%1"""
Root: HKA; Subkey: "Software\Classes\Applications\pullback.exe\SupportedTypes"; ValueType: string; ValueName: ".pullback"; ValueData: ""
Root: HKA; Subkey: "Software\Classes\Applications\pullback.exe\SupportedTypes"; ValueType: string; ValueName: ".py"; ValueData: ""
Root: HKA; Subkey: "Software\Classes\Applications\pullback.exe\SupportedTypes"; ValueType: string; ValueName: ".md"; ValueData: ""
Root: HKA; Subkey: "Software\Classes\.py\OpenWithList\pullback.exe"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\.md\OpenWithList\pullback.exe"; Flags: uninsdeletekey

[Run]
Filename: "{app}\pullback.exe"; Description: "{cm:LaunchProgram,Pullback}"; Flags: nowait postinstall skipifsilent
